"""What the names of one reader stand for: identities of one size, from which rows are found by an index. Pure."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGEST_BYTES: Final = 16
NAMED_EPOCHS: Final = range(1000, 10_000)
"""What stands for the epoch of a key in a person's name: four digits, so that all names are equally long.

It stands for one of 9,000 epochs. An organisation that has made so many keys is told from its names no longer.
"""


class EventIdentity(NamedTuple):
    """Which event a name stands for. None of it changes: a correction leaves the time as it was first sent."""

    anchor_id: UUID
    """Of the ref under which it stands: random, so that it tells nothing of how many others there are."""
    time: datetime
    """As it was first sent."""
    digest: bytes
    """Of source and id."""

    @classmethod
    def of(cls, anchor_id: UUID, time: datetime, source: str, id: str) -> Self:
        """The identity of the event with this source and id."""
        return cls(anchor_id, time, name_digest(f"{source} {id}"))

    @classmethod
    def of_nothing(cls) -> Self:
        """An identity that no event has."""
        return cls.of(UUID(int=0), _EPOCH, "", "")

    def to_bytes(self) -> bytes:
        """40 bytes."""
        microseconds = (self.time - _EPOCH) // timedelta(microseconds=1)
        return b"".join((self.anchor_id.bytes, microseconds.to_bytes(8, signed=True), self.digest))

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """The way back."""
        time = _EPOCH + timedelta(microseconds=int.from_bytes(value[16:24], signed=True))
        return cls(UUID(bytes=value[:16]), time, value[24:])


def name_digest(text: str) -> bytes:
    """16 bytes over a text, as the function of that name in the schema makes them."""
    return hashlib.sha256(text.encode()).digest()[:_DIGEST_BYTES]


def split_pseudonym(subject: str) -> tuple[int, bytes]:
    """The epoch of the key, and the 16 bytes of the pseudonym."""
    epoch, _, encoded = subject.removeprefix("v").partition(".")
    return int(epoch), base64.urlsafe_b64decode(f"{encoded}==")


def join_pseudonym(epoch: int, pseudonym: bytes) -> str:
    """The pseudonym as it is written."""
    return f"v{epoch}.{base64.urlsafe_b64encode(pseudonym).decode().rstrip('=')}"
