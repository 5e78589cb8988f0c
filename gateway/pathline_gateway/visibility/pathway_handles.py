"""What a reader calls a pathway, and which pathway it is. Pure."""

from __future__ import annotations

from uuid import UUID

from pathline_gateway.auth.reader import Reader
from pathline_gateway.visibility.pairwise_ids import ReaderKey


def name_of(reader: Reader, key: ReaderKey, birth: UUID) -> UUID:
    """What this reader calls the pathway that is named by this birth."""
    return birth if reader.kind == "operator" else key.handle(birth)


def birth_of(reader: Reader, key: ReaderKey, name: UUID) -> UUID:
    """The way back."""
    return name if reader.kind == "operator" else key.birth(name)
