"""What is answered where a pathway cannot be computed: to operators a problem, to others the pathway as closed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from pathline_gateway.auth.reader import Reader
from pathline_gateway.background.faults import concerns_record, error_reason
from pathline_gateway.log_cause import because
from pathline_gateway.web.problem import Problem

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


def pathway_set_aside_problem() -> Problem:
    """Something of it is set aside."""
    return Problem(
        409,
        "pathway-set-aside",
        "this version cannot compute something on this pathway. Nothing is lost. Ask the operator, who finds it"
        " at /console/set-aside or in the log",
    )


@contextlib.contextmanager
def uncomputable_as_problem() -> Iterator[None]:
    """What fails in the block for what is stored is answered as a problem. Raises Problem."""
    try:
        yield
    except Problem:
        raise
    except Exception as failed:
        if not concerns_record(failed):
            raise
        _log_uncomputable(failed)
        raise pathway_set_aside_problem() from failed


async def closed_where_uncomputable(read: Callable[[bool], Awaitable[Answer]]) -> Answer:
    """Calls `read(False)`. Where that fails for what is stored, `read(True)` answers as of a closed pathway.

    Raises Problem where that fails, too.
    """
    try:
        return await read(False)
    except Problem:
        raise
    except Exception as failed:
        if not concerns_record(failed):
            raise
        _log_uncomputable(failed)
    with uncomputable_as_problem():
        return await read(True)


def _log_uncomputable(failed: Exception) -> None:
    _log.error("a pathway cannot be computed: %s", error_reason(failed), extra=because(error_reason(failed)))


def refuse_operator(reader: Reader) -> None:
    """A closed pathway shows everybody her own steps alone. Raises Problem where the reader has none, as operators."""
    if reader.kind == "operator":
        raise pathway_set_aside_problem()
