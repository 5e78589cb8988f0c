"""How an imported row gets its event id: the same row of the same file gets the same id in every run.

* mapped: the id columns, several joined by `/` with `%` and `/` inside them escaped, so that no two rows collide;
* unmapped: `<file>-row-<n>`, where <file> is a keyed hash of the file's first record: a renamed, packed or grown
  file keeps its ids, and another file of the same system does not collide with it;
* per case: either followed by a keyed hash of the case, for ids that are unique only within one.

The hashes are keyed with the agency's key: nobody else can try out identifiers against them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from pathline.cli.sources.record import Record
from pathline.errors import MissingAttribute

_ROW_DIGITS = 9
"""Row numbers are padded, so that the text order of ids, which decides ties in time, is the order of the file."""
_FILE_BYTES = 5
_CASE_BYTES = 12


def file_digest(key: bytes, first: Record) -> str:
    """What tells this file's rows from another's: eight characters."""
    content = json.dumps(sorted(first.fields.items())).encode()
    return base64.b32encode(_keyed_hash(key, b"file", content)[:_FILE_BYTES]).decode().lower()


def case_digest(key: bytes, case: str) -> str:
    """What tells one case's ids from another's, and tells nothing of the case: sixteen characters."""
    canonical = unicodedata.normalize("NFC", case.strip()).encode()
    return base64.urlsafe_b64encode(_keyed_hash(key, b"case", canonical)[:_CASE_BYTES]).decode()


def _keyed_hash(key: bytes, purpose: bytes, content: bytes) -> bytes:
    return hmac.digest(key, b"pathline event id\0" + purpose + b"\0" + content, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class EventIds:
    """Ids of one import."""

    key: bytes = field(repr=False)
    columns: Sequence[str] = ()
    prefix: str = ""
    per_case: bool = False

    def make_id(self, file: str, number: int, record: Record, case: str) -> str:
        """The id of the `number`-th record. Raises MissingAttribute where an id column is blank."""
        record_id = self._id_from_columns(record) if self.columns else f"{file}-row-{number:0{_ROW_DIGITS}}"
        return f"{self.prefix}{record_id}" + (f"-{case_digest(self.key, case)}" if self.per_case else "")

    def _id_from_columns(self, record: Record) -> str:
        values = [record.fields.get(column, "").strip() for column in self.columns]
        for column, value in zip(self.columns, values, strict=True):
            if not value:
                raise MissingAttribute(f"column '{column}' is blank", field="id")
        return values[0] if len(values) == 1 else "/".join(quote(value, safe=" :+@!$&'()*,;=") for value in values)
