"""What a reader calls a pathway, and which pathway it is. Pure."""

from __future__ import annotations

from uuid import UUID

from pathline_gateway.auth.reader import Reader
from pathline_gateway.visibility.pairwise_ids import ReaderKey


def handle_of(reader: Reader, key: ReaderKey, anchor_id: UUID) -> UUID:
    """What this reader calls the pathway that is named by this anchor id."""
    return anchor_id if reader.kind == "operator" else key.handle(anchor_id)


def anchor_id_of(reader: Reader, key: ReaderKey, handle: UUID) -> UUID:
    """The anchor id of the pathway that this reader calls so."""
    return handle if reader.kind == "operator" else key.anchor_id(handle)
