"""How an imported row gets its event id: the same row gets the same id in every run.

* mapped: the id columns, several joined by `/` with `%` and `/` inside them escaped, so that no two rows collide;
* per case: followed by a keyed hash of the case, for ids that are unique only within one;
* unmapped: made of whom the row is about and when (`pathline.rows.row_id`).

The hashes are keyed with the agency's key: nobody else can try out identifiers against them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from pathline.cli.sources.record import Record
from pathline.errors import MissingAttribute
from pathline.rows.identifier import join_identifier
from pathline.rows.row_id import RowIds

_CASE_BYTES = 12


def case_digest(key: bytes, case: str) -> str:
    """What tells one case's ids from another's, and tells nothing of the case: sixteen characters."""
    canonical = unicodedata.normalize("NFC", case.strip()).encode()
    content = b"pathline event id\0case\0" + canonical
    return base64.urlsafe_b64encode(hmac.digest(key, content, hashlib.sha256)[:_CASE_BYTES]).decode()


@dataclass(frozen=True, slots=True)
class EventIds:
    """Ids of one import."""

    key: bytes = field(repr=False)
    rows: RowIds
    type: str
    columns: Sequence[str] = ()
    prefix: str = ""
    per_case: bool = False

    def make_id(self, record: Record, case: str, when: str) -> str:
        """The id of the next record. Raises MissingAttribute where an id column is blank."""
        record_id = self._id_from_columns(record) if self.columns else self.rows.next_id(self.type, case, when)
        return f"{self.prefix}{record_id}" + (f"-{case_digest(self.key, case)}" if self.per_case else "")

    def _id_from_columns(self, record: Record) -> str:
        values = [record.fields.get(column, "").strip() for column in self.columns]
        for column, value in zip(self.columns, values, strict=True):
            if not value:
                raise MissingAttribute(f"column '{column}' is blank", field="id")
        return join_identifier(values)
