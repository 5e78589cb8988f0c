"""A row of a linking table becomes `identity.linked`: two identifiers, of two organisations, mean one person."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from pydantic_core import to_json

from pathline.cli import times
from pathline.cli.errors import WrongMapping
from pathline.cli.flags import DEFAULT_ASSERTED_AT
from pathline.cli.identifier_column import IdentifierColumn
from pathline.cli.sources.record import Record
from pathline.cloudevent import CloudEvent
from pathline.errors import InvalidAttribute
from pathline.interaction import Interaction, accept
from pathline.link_methods import Method
from pathline.pseudonym import Pseudonyms
from pathline.vocabulary import IdentityLinked, Payload

_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Side:
    """One organisation's column in the table, and its pseudonyms."""

    column: IdentifierColumn
    pseudonyms: Pseudonyms

    def subject(self, record: Record) -> str:
        """The pseudonym of the person whom the record names on this side."""
        return self.pseudonyms.subject(self.column.read(record), confirmed=True)


@dataclass(frozen=True, slots=True)
class LinkMapping:
    """How the rows of a linking table become evidence of identity."""

    source: str
    left: Side
    right: Side
    method: Method = "record-key"
    confidence: float = 1.0
    asserted_at: str = DEFAULT_ASSERTED_AT
    time_column: str | None = None
    """The column that says when the link was asserted; `asserted_at` when there is none."""
    parse_time: times.Reader = field(default_factory=lambda: times.time_reader(None, None))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        all_columns = (*self.left.column.columns, *self.right.column.columns, self.time_column)
        return tuple(column for column in all_columns if column is not None)

    def skip(self, record: Record) -> None:
        """A link has an id of its own, so there is nothing to count."""

    def build_interaction(self, record: Record) -> Interaction[Payload]:
        """The link that this record asserts. Its id is made of all that it says: the same link is the same event."""
        left, right = self.left.subject(record), self.right.subject(record)
        same = [
            {"org": self.left.pseudonyms.org, "subject": left},
            {"org": self.right.pseudonyms.org, "subject": right},
        ]
        data = to_json({"same": same, "method": self.method, "confidence": self.confidence})
        time = self._asserted_at(record)
        attributes = {
            "specversion": "1.0",
            "id": _link_id(time.encode() + b"\0" + data),
            "source": self.source,
            "type": IdentityLinked.type,
            "subject": left,
            "time": time,
            "datacontenttype": "application/json",
        }
        return accept(CloudEvent(attributes, data))

    def _asserted_at(self, record: Record) -> str:
        text = record.fields.get(self.time_column or "", "").strip()
        if self.time_column is None or not text:
            return self.asserted_at
        try:
            return self.parse_time(text).text
        except times.NaiveTime as naive:
            raise WrongMapping(f"line {record.line}: the time in column '{self.time_column}' {naive}") from None
        except ValueError as error:
            raise InvalidAttribute(f"column '{self.time_column}' {error}", field="time") from None


def _link_id(content: bytes) -> str:
    digest = hashlib.blake2b(content, digest_size=_ID_BYTES).digest()
    return "link-" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
