"""Who asks for something of a pathway, and what for."""

from __future__ import annotations

from dataclasses import dataclass

from pathline_gateway.auth.caller import Caller


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Who asks for something of a pathway, and what she says that it is for, as it was sent."""

    caller: Caller
    purpose: str | None = None
    authority: str | None = None
