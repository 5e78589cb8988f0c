"""What became of an event that a topic showed: nothing, other content, or it may be shown no more. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson

Because = Literal["corrected", "withheld"]
_TOLD_AS: Final = ("number", "series", "pathway", "traceparent")
"""Names that may change while the event stays what it is."""


def digest_of(event: Mapping[str, Any]) -> bytes:
    """Tells what an event says from whatever else it might say."""
    content = {name: value for name, value in event.items() if name not in _TOLD_AS}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()[:16]


def find_change(shown: bytes, event: Mapping[str, Any] | None) -> Because | None:
    """Why its reader is told something; None where the event is what she was shown. `event`: as she may see it now.

    A void and the end of a permission look alike: which of them it was is not hers to know.
    """
    if event is None or "withheld" in event:
        return "withheld"
    return None if digest_of(event) == shown else "corrected"
