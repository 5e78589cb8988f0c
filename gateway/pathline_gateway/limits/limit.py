"""What a limit is: of what, for whom, and how one is refused who goes past it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pathline_gateway.telemetry.instruments import REFUSALS
from pathline_gateway.web.problem import Problem

Per = Literal[
    "request",
    "connection",
    "address",
    "caller",
    "process",
    "organisation",
    "subject",
    "pathway",
    "component",
    "hand-off",
    "subscription",
    "sink",
]
"""What has its own budget. A caller is an organisation or an account; while auth is off, or before it is known, an
address."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Goes with a field of the table: the field's name, number and docstring say the rest."""

    per: Per
    unit: str
    """What is counted, in the plural: bytes, seconds, streams."""
    status: int | None
    """Of the refusal; None where a connection is closed without one."""
    reason: str
    """Of the refusal, stable."""
    advice: str
    """What the caller should do now: the last half of the refusal's sentence."""
    window_s: int | None = None
    """Of a rate: the number holds within any so many seconds."""
    waits: bool = False
    """Nobody is refused: what goes past it is done later."""

    @property
    def quota_unit(self) -> str:
        """The unit as the draft calls it; its own name where the draft has none."""
        if self.unit == "requests":
            return "requests" if self.window_s is not None else "concurrent-requests"
        return {"bytes": "content-bytes"}.get(self.unit, self.unit.replace(" ", "-"))

    @property
    def parks(self) -> bool:
        """Whether what goes past it is accepted, and parked for this reason: it can be replayed."""
        return self.status is None and self.reason.startswith("over-")

    @property
    def is_transient(self) -> bool:
        """Whether the same request may be answered later; else it has to be another."""
        return self.status in (429, 503)


@dataclass(frozen=True, slots=True)
class NamedLimit:
    """A limit as it stands in the table of one gateway."""

    name: str
    """As requests, documents and the `RateLimit` fields say it: `dry-runs`."""
    setting: str
    """`PATHLINE_LIMIT_DRY_RUNS`."""
    number: int
    rationale: str
    limit: Limit

    def refusal(self, retry_after_s: float = 1.0, **extensions: object) -> Problem:
        """The answer to somebody who went past it. It names the limit and its number, and nothing that was sent."""
        limit = self.limit
        if limit.status is None:
            raise ValueError(
                f"{self.name}: this limit closes the connection or makes the request wait, without an answer"
            )
        REFUSALS.add(1, {"pathline.limit": self.name})
        window = "" if limit.window_s is None else f" in {limit.window_s} s"
        return Problem(
            limit.status,
            limit.reason,
            f"over {self.number:,} {limit.unit}{window} for each {limit.per}: {limit.advice}",
            headers=self._headers(max(1, math.ceil(retry_after_s))),
            limit=self.name,
            allowed=self.number,
            **extensions,
        )

    def _headers(self, seconds: int) -> dict[str, str]:
        """`Retry-After` where the same request may be answered later, and the RateLimit fields of the IETF's draft.

        Where it may not there is no `Retry-After`: clients that find one send the same again by themselves.
        """
        limit = self.limit
        retry_headers = {"retry-after": str(seconds)} if limit.is_transient else {}
        if limit.unit == "seconds":
            return retry_headers
        window = "" if limit.window_s is None else f";w={limit.window_s}"
        remaining = f"r=0;t={seconds}" if limit.is_transient else f"r={self.number}"
        return {
            **retry_headers,
            "ratelimit-policy": f'"{self.name}";q={self.number};qu="{limit.quota_unit}"{window}',
            "ratelimit": f'"{self.name}";{remaining}',
        }
