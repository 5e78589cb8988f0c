"""Delivery to the gateway's door: `POST /v1/events` in CloudEvents batch mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from pathline.cli.address import Address
from pathline.cli.errors import AccessDenied
from pathline.cli.receipt import Receipt, Refusal, TryLater
from pathline.cloudevent import CloudEvent
from pathline.codec import http
from pathline.producer import traced

_LATER: Final = frozenset((408, 425, 429, 500, 502, 503, 504, 507))
_REFUSING: Final = frozenset((400, 422))
_TOO_LARGE: Final = 413


class _Refused(BaseModel):
    model_config = ConfigDict(frozen=True)

    index: int
    reason: str
    detail: str = ""


class _Answer(BaseModel):
    """The body of a 202, and the part of a problem that says which events it refuses."""

    model_config = ConfigDict(frozen=True)

    accepted: int = 0
    duplicate: int = 0
    refused: tuple[_Refused, ...]


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """The door of one gateway."""

    client: httpx.AsyncClient
    url: str
    place: str
    """Where the door is, as a message may say it."""

    @classmethod
    def at(cls, to: Address, *, token: str | None, in_flight: int, timeout: float) -> HttpDoor:
        """The door of the gateway at this address; entering and leaving its `client` is up to the caller.

        An answer that takes longer than `timeout`, in seconds, counts as none.
        """
        headers = {"authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        client = httpx.AsyncClient(headers=headers, timeout=timeout, limits=limits)
        return cls(client, f"{to.to}/v1/events", to.shown)

    async def send(self, events: Sequence[CloudEvent]) -> Receipt:
        """The gateway has the batch, but what it refuses; a batch that it finds too large goes in halves."""
        headers, body = http.encode_batch([traced(event) for event in events])
        try:
            answer = await self.client.post(self.url, content=body, headers=headers)
        except httpx.RequestError as wrong:
            raise TryLater(f"{self.place} does not answer ({type(wrong).__name__})") from None
        if answer.status_code == _TOO_LARGE:
            return await self._halves(events)
        return self._receipt(answer, len(events))

    async def _halves(self, events: Sequence[CloudEvent]) -> Receipt:
        if len(events) == 1:
            return Receipt(refused=(Refusal(0, "too-large", "the gateway takes no event of this size"),))
        half = len(events) // 2
        first, second = await self.send(events[:half]), await self.send(events[half:])
        return Receipt(
            first.accepted + second.accepted,
            first.duplicate + second.duplicate,
            (*first.refused, *(Refusal(r.index + half, r.reason, r.detail) for r in second.refused)),
        )

    def _receipt(self, answer: httpx.Response, sent: int) -> Receipt:
        if answer.status_code in _LATER:
            raise TryLater(f"{self.place} answers {answer.status_code}", after=_retry_after(answer.headers))
        if not (answer.is_success or answer.status_code in _REFUSING):
            raise AccessDenied(f"{self.place} answers {answer.status_code}; {_what_to_do(answer.status_code)}")
        try:
            said = _Answer.model_validate_json(answer.content)
        except ValidationError:
            raise AccessDenied(
                f"{self.place} answers {answer.status_code} without a receipt; is --to the address of a gateway?"
            ) from None
        return self._counted(said, sent)

    def _counted(self, said: _Answer, sent: int) -> Receipt:
        places = {refused.index for refused in said.refused}
        told = said.accepted + said.duplicate + len(said.refused)
        if told != sent or len(places) != len(said.refused) or not places <= set(range(sent)):
            raise AccessDenied(f"{self.place} answers for {told} events of {sent}; its receipt cannot be trusted")
        refusals = (Refusal(refused.index, refused.reason, refused.detail) for refused in said.refused)
        return Receipt(said.accepted, said.duplicate, tuple(refusals))


def _what_to_do(status: int) -> str:
    if status in (401, 403):
        return "it does not know this caller; give the agency's token with --token-file"
    if 300 <= status < 400:
        return "it has moved; give its new address with --to"
    return "check the address in --to"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as Retry-After says, in either of its forms (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
