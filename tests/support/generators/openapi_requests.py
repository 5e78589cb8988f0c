"""Requests made up from an OpenAPI document, right and wrong: once, and sent to whichever gateway by whoever."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Ok, Result
from schemathesis.schemas import APIOperation

from support.examples import LONG

Operation = APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]

EACH = 8 if LONG else 2
"""Of an operation's right requests, and of its wrong ones."""
_SOME = settings(
    max_examples=EACH,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Asked:
    """What is asked of one operation."""

    operation: Operation
    right: Sequence[Case]
    wrong: Sequence[Case]
    """None where nothing can be wrong with a request."""

    @property
    def label(self) -> str:
        return str(self.operation.label)

    @property
    def cases(self) -> Sequence[Case]:
        return [*self.right, *self.wrong]


def made_up(url: str) -> Sequence[Asked]:
    """What is asked of this gateway: of each with the same document the same, so name the gateway at each call."""
    return _made_up(httpx.get(f"{url}/openapi.json", timeout=60).text)


@cache
def _made_up(document: str) -> Sequence[Asked]:
    schema = schemathesis.openapi.from_dict(json.loads(document))
    # Who asks is said by each test, and not made up.
    schema.config.generation.update(with_security_parameters=False)
    # What is too large is refused for that before anybody looks at the rest of it.
    refused = schema.config.checks.negative_data_rejection
    refused.expected_statuses = [*refused.expected_statuses, "413", "431"]
    # A stream ends after a quarter of an hour; `test_streams.py` listens to some.
    found = [ok(each) for each in schema.exclude(path_regex="/stream$").get_all_operations()]
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    return [Asked(each, *(cases(each, mode) for mode in modes)) for each in found]


def ok(read: Result[Operation, InvalidSchema]) -> Operation:
    """The operation, where the document says one."""
    assert isinstance(read, Ok)
    return read.ok()


def cases(operation: Operation, mode: schemathesis.GenerationMode) -> list[Case]:
    """Some requests of this operation."""
    found: list[Case] = []

    def keep(case: Case) -> None:
        found.append(case)

    # Where nothing can be wrong with a request, there is no such request to be made up.
    with contextlib.suppress(Unsatisfiable):
        _SOME(given(case=operation.as_strategy(generation_mode=mode))(keep))()
    return found
