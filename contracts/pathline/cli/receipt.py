"""What the destination says of a batch: how many it took, how many it knew, and which it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pathline.cloudevent import CloudEvent

CONFLICT: Final = "conflicting-duplicate"
"""The reason of an event whose source and id came with other content before."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The gateway does not take the event at this place of the batch, from 0, as it stands."""

    index: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The destination has every event of the batch but the refused ones, and will not forget them."""

    accepted: int = 0
    duplicate: int = 0
    refused: tuple[Refusal, ...] = ()
    conflicts: tuple[Refusal, ...] = ()
    """Of the duplicates, those that differ from what came before under the same id: the destination parks them."""


class Destination(Protocol):
    """The destination of events: a gateway or a broker."""

    async def send(self, events: Sequence[CloudEvent]) -> Receipt:
        """What became of the batch. Raises TryLater where trying again may help, and CommandError where it cannot."""
        ...


class TryLater(Exception):
    """The destination did not answer, or asks to be tried again."""

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        """`retry_after` is how long to wait, in seconds, where the destination said so."""
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(detail)
