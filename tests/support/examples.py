"""How many examples of a property are tried: some in `make test`, all of them in `make test-long`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import pytest
from hypothesis import settings

Test = TypeVar("Test", bound=Callable[..., object])

LONG: Final = os.environ.get("PATHLINE_TESTS") == "long"


def number(all_of_them: int) -> int:
    """So many of these are tried: a tenth of hundreds, an eighth of fewer, and never less than four, if there are."""
    if LONG:
        return all_of_them
    return all_of_them // 10 if all_of_them >= 100 else min(all_of_them, max(4, all_of_them // 8))


def later_ones_long(values: Iterable[Any], first: int = 1) -> list[Any]:
    """Parameters of one rule: `make test` tries so many of the first, and `make test-long` the others."""
    return [pytest.param(each, marks=[pytest.mark.long] if n >= first else []) for n, each in enumerate(values)]


def examples(all_of_them: int, **more: Any) -> Callable[[Test], Test]:
    """So many examples in `make test-long`, which runs this test for it; fewer in `make test`. With other settings."""

    def marked(test: Test) -> Test:
        fewer: Test = settings(max_examples=number(all_of_them), **more)(test)
        scaled: Test = pytest.mark.scaled(fewer)
        return scaled

    return marked
