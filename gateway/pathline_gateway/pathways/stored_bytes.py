"""The bytes of an accepted event: further attributes, the data, and how its publisher wrote it. Pure.

Evidence is kept so; steps are rendered of it (`stored_form.py`, which opens both).

Attributes as JSON, a line feed, the data. Where the publisher used names of her own (`visibility/pairwise_ids.py`), the
data says what they stand for. Then a record separator follows, and the data as it was sent. JSON has neither of the
two: attributes are written without line feeds, and no JSON text has a record separator in it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

RECORD_SEPARATOR: Final = b"\x1e"
"""Before the data as it was sent, where that is not as it is meant."""


class StoredBytes(NamedTuple):
    """The parts of a payload."""

    extra: bytes
    """Further attributes, as JSON."""
    data: bytes
    """The data as it is meant: names stand for nothing but what they name."""
    sent_data: bytes | None
    """The data as it was sent, where that is not the same."""

    @property
    def data_as_sent(self) -> bytes:
        """What its publisher is shown."""
        return self.data if self.sent_data is None else self.sent_data


def split_payload(payload: bytes) -> StoredBytes:
    """The parts of these bytes."""
    extra, data = payload.split(b"\n", 1)
    if RECORD_SEPARATOR not in data:  # as nearly always
        return StoredBytes(extra, data, None)
    return StoredBytes(extra, *data.split(RECORD_SEPARATOR, 1))


def with_meant_data(payload: bytes, meant_data: bytes) -> bytes:
    """The payload of an event as it was sent, which means this."""
    extra, sent_data = payload.split(b"\n", 1)
    return b"".join((extra, b"\n", meant_data, RECORD_SEPARATOR, sent_data))
