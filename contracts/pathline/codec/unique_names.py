"""A name that stands twice in one JSON object: two readers would read two values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

_NAME_END: Final = re.compile(rb'"[ \t\r\n]*:')


class RepeatedName(ValueError):
    """An object names a member twice."""


def require_unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members. Raises RepeatedName."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise RepeatedName
    return members


def has_repeated_name(raw: bytes, value: object) -> bool:
    """Whether an object in this JSON, which was read as `value`, names a member twice.

    Counting tells nearly always: reading again is for texts that hold what looks like a name.
    """
    if len(_NAME_END.findall(raw)) == _count_members(value):
        return False
    try:
        json.loads(raw, object_pairs_hook=require_unique)
    except RepeatedName:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def _count_members(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_members(inner) for inner in value.values() if isinstance(inner, dict | list))
    if isinstance(value, list):
        return sum(_count_members(inner) for inner in value if isinstance(inner, dict | list))
    return 0
