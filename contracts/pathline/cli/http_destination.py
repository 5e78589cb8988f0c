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
from pathline.cli.receipt import CONFLICT, Receipt, Refusal, TryLater
from pathline.cloudevent import CloudEvent
from pathline.codec import http
from pathline.producer import with_trace_context

_RETRYABLE: Final = frozenset((408, 425, 429, 500, 502, 503, 504, 507))
_REFUSING_STATUSES: Final = frozenset((400, 422))
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
    notices: tuple[_Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpDestination:
    """The door of one gateway."""

    client: httpx.AsyncClient
    url: str
    display: str
    """Where the door is, as a message may say it."""

    @classmethod
    def connect(cls, address: Address, *, token: str | None, in_flight: int, timeout: float) -> HttpDestination:
        """The door of the gateway at this address; entering and leaving its `client` is up to the caller.

        An answer that takes longer than `timeout`, in seconds, counts as none.
        """
        headers = {"authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        client = httpx.AsyncClient(headers=headers, timeout=timeout, limits=limits)
        return cls(client, f"{address.target}/v1/events", address.display)

    async def send(self, events: Sequence[CloudEvent]) -> Receipt:
        """The gateway has the batch, but what it refuses; a batch that it finds too large goes in halves."""
        headers, body = http.encode_batch([with_trace_context(event) for event in events])
        try:
            response = await self.client.post(self.url, content=body, headers=headers)
        except httpx.RequestError as error:
            raise TryLater(f"{self.display} does not answer ({type(error).__name__})") from None
        if response.status_code == _TOO_LARGE:
            return await self._send_halves(events)
        return self._parse_receipt(response, len(events))

    async def _send_halves(self, events: Sequence[CloudEvent]) -> Receipt:
        if len(events) == 1:
            return Receipt(refused=(Refusal(0, "too-large", "the gateway takes no event of this size"),))
        half = len(events) // 2
        first, second = await self.send(events[:half]), await self.send(events[half:])
        return Receipt(
            first.accepted + second.accepted,
            first.duplicate + second.duplicate,
            (*first.refused, *(Refusal(r.index + half, r.reason, r.detail) for r in second.refused)),
            (*first.conflicts, *(Refusal(r.index + half, r.reason, r.detail) for r in second.conflicts)),
        )

    def _parse_receipt(self, response: httpx.Response, sent: int) -> Receipt:
        if response.status_code in _RETRYABLE:
            raise TryLater(f"{self.display} answers {response.status_code}", retry_after=_retry_after(response.headers))
        if not (response.is_success or response.status_code in _REFUSING_STATUSES):
            raise AccessDenied(f"{self.display} answers {response.status_code}; {_advice(response.status_code)}")
        try:
            receipt_body = _Answer.model_validate_json(response.content)
        except ValidationError:
            raise AccessDenied(
                f"{self.display} answers {response.status_code} without a receipt; is --to the address of a gateway?"
            ) from None
        return self._check_counts(receipt_body, sent)

    def _check_counts(self, receipt_body: _Answer, sent: int) -> Receipt:
        indexes = {refused.index for refused in receipt_body.refused}
        answered_count = receipt_body.accepted + receipt_body.duplicate + len(receipt_body.refused)
        if answered_count != sent or len(indexes) != len(receipt_body.refused) or not indexes <= set(range(sent)):
            raise AccessDenied(
                f"{self.display} answers for {answered_count} events of {sent}; its receipt cannot be trusted"
            )
        refusals = (Refusal(each.index, each.reason, each.detail) for each in receipt_body.refused)
        conflicts = (
            Refusal(each.index, each.reason, each.detail)
            for each in receipt_body.notices
            if each.reason == CONFLICT and each.index in range(sent)
        )
        return Receipt(receipt_body.accepted, receipt_body.duplicate, tuple(refusals), tuple(conflicts))


def _advice(status: int) -> str:
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
