"""The event id of a row without an id of its own: the same in all files and programs of an agency.

id    = "row-" base64url(HMAC-SHA-256(k, type 0 identifier 0 when)[:16]) "-" place
k     = HKDF-SHA-256(ikm = the agency's key, salt = "pathline pseudonym", info = "<org>/rows", 32 bytes)
when  = the day or month as written, or the instant in UTC to the microsecond
place = the row's place among those of its file with the same type, person and time, in six digits

A row is known by whom it is about and when. It keeps its id when rows are added above it, when another program sends
it, and under a new epoch. A corrected row keeps the id that was sent before, so that the gateway reports the conflict.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from pathline import instant
from pathline.pseudonym import derive_key

IMPORT_SYSTEM = "import"
"""The system that tables are sent under, by whichever program: `source` is urn:pathline:<org>:import."""
PLACE_DIGITS = 6
"""Places are padded, so that the text order of ids, which decides ties in time, is the order of the file."""
_ID_BYTES = 16
_GROUP_BYTES = 8


def row_time(at: datetime, precision: str | None) -> str:
    """When a row says that it happened, as its id is made of it."""
    match precision:
        case "day":
            return at.date().isoformat()
        case "month":
            return at.date().isoformat()[:7]
        case _:
            return instant.to_text(at)


@dataclass
class RowIds:
    """Makes the ids of one file's rows, in their order."""

    key: bytes = field(repr=False)
    org: str
    _places: dict[int, int] = field(default_factory=dict, repr=False)
    """How many rows of each group were seen; a group is eight bytes of its hash, so that memory stays small."""

    def __post_init__(self) -> None:
        self._row_key = derive_key(self.key, f"{self.org}/rows")

    def next_id(self, type: str, identifier: str, when: str) -> str:
        """The id of the next row with this type, canonical identifier and time."""
        content = f"{type}\0{identifier}\0{when}".encode()
        digest = hmac.digest(self._row_key, content, hashlib.sha256)[:_ID_BYTES]
        group = int.from_bytes(digest[:_GROUP_BYTES], "big")
        place = self._places[group] = self._places.get(group, 0) + 1
        return f"row-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-{place:0{PLACE_DIGITS}}"
