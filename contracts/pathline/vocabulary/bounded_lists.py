"""Lists with an end."""

from typing import Annotated, Final, TypeVar

from pydantic import Field, Strict

MAX_ENTRIES: Final = 100
"""Entries in one list or one map: far more than any person's step has, far fewer than hurts a reader."""

T = TypeVar("T")

Several = Annotated[tuple[T, ...], Strict(False), Field(max_length=MAX_ENTRIES)]
"""None to a hundred of them. Not strict, so that a caller may write a list; the entries remain strict."""

AtLeastOne = Annotated[tuple[T, ...], Strict(False), Field(min_length=1, max_length=MAX_ENTRIES)]
"""One to a hundred of them."""

Two = Annotated[tuple[T, ...], Strict(False), Field(min_length=2, max_length=2)]
"""Exactly two of them, as an array of one kind (a pair's schema would need `prefixItems`)."""
