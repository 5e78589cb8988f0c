"""A cursor: the number of an event, in the first series of a subscription or in a further one."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pathline_gateway.web.problem import Problem

_CURSOR: Final = re.compile(r"(?:s([0-9]{1,6}))?n([0-9]{1,18})", re.ASCII)


class Cursor(NamedTuple):
    """A number of a series."""

    series: int
    number: int


def parse_cursor(text: str) -> Cursor:
    """The cursor that is written so: `n17`, or `s2n17` in the second series. Raises Problem."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise Problem(400, "malformed-cursor", "after must be the `next` of an earlier answer")
    return Cursor(int(match[1] or 1), int(match[2]))


def require_reached(cursor: Cursor, last_number: int, prefix: str) -> None:
    """Raises Problem where this series has no event of that number yet: its reader would lose what comes."""
    if cursor.number > last_number:
        raise Problem(
            409,
            "cursor-beyond-end",
            f"the cursor is past the end: the last event that was given is {prefix}n{last_number}. "
            "Use the `next` of an earlier answer of this subscription",
            last=f"{prefix}n{last_number}",
        )
