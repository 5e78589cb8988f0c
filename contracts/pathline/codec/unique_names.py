"""A name that stands twice in one JSON object: two readers would read two values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

# Every string of a JSON text, and the colon where it is a name.
_STRING: Final = re.compile(rb'"((?:[^"\\]|\\.)*+)"([ \t\r\n]*+:)?', re.DOTALL)


class RepeatedName(ValueError):
    """An object names a member twice."""


def require_unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members. Raises RepeatedName."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise RepeatedName
    return members


def has_repeated_name(raw: bytes) -> bool:
    """Whether an object in this JSON names a member twice. What is no JSON is for others to refuse."""
    names = [name for name, colon in _STRING.findall(raw) if colon]
    # The same name in two objects is nothing unusual, and an escape may spell a name in another way: then it is read.
    if len(set(names)) == len(names) and b"\\" not in b"".join(names):
        return False
    try:
        json.loads(raw, object_pairs_hook=require_unique)
    except RepeatedName:
        return True
    except (ValueError, RecursionError):
        return False
    return False
