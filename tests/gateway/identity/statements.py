"""What publishers and reviewers may say, with few names, so that everything meets everything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import orjson
from hypothesis import strategies as st

from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.pathways.amendments import Amendment
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import ACCOUNT_SOURCE, REVIEW_SOURCE

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ORGS = ("clinic", "shelter", "court")
REFS = tuple((org, n) for org in ORGS for n in range(2))
"""Everybody: an organisation and the number of one of its people. A ref's number is its place here."""
HANDOFFS = ("clinic:ho-1", "shelter:ho-1")
TOKENS = ("token-one-token-one-token", "token-two-token-two-token")

Kind = Literal[
    "step", "offered", "accepted", "declined", "redirected", "cancelled", "void", "correct", "same", "different",
    "retract",
]  # fmt: skip
STEPS: tuple[Kind, ...] = ("step", "offered", "accepted", "declined", "redirected", "cancelled")
Identity = tuple[str, str]


def source(org: str) -> str:
    """Under which source this organisation publishes."""
    return {"pathline": REVIEW_SOURCE, "citizen": ACCOUNT_SOURCE}.get(org, f"urn:pathline:{org}:desk")


@dataclass(frozen=True, slots=True)
class Statement:
    """One event; each kind reads of the rest what it needs."""

    kind: Kind
    id: str
    org: str
    """Who publishes it; `pathline` for a reviewer."""
    one: int
    """The ref that it is about."""
    other: int
    """The other ref, or the one whose organisation is asked."""
    minute: int
    day: bool
    """Whether only the day is known."""
    handoff: str
    token: int
    target: Identity
    anew: Kind
    """What a correction makes of its target; its other fields are the correction's own."""
    standing: EvidenceRank
    confidence: float

    @property
    def source(self) -> str:
        return source(self.org)

    @property
    def identity(self) -> Identity:
        return self.source, self.id

    @property
    def time(self) -> datetime:
        return START.replace(hour=0) if self.day else START + timedelta(minutes=self.minute)

    @property
    def shows(self) -> bool:
        """Whether a refusal shows the token."""
        return self.other % 2 == 0

    def data(self, kind: Kind) -> dict[str, object]:
        """The payload of a step of this kind, as sent."""
        when: dict[str, object] = {"precision": "day"} if self.day else {}
        secret = TOKENS[self.token]
        if kind == "step":
            return {"kind": "enquiry", **when}
        if kind == "accepted":
            return {"handoff": self.handoff, "token": secret, **when}
        if kind == "declined":
            token = {"token": secret} if self.shows else {}
            return {"handoff": self.handoff, "reason": "other", **token, **when}
        if kind == "cancelled":
            return {"handoff": self.handoff, **when}
        asked = hashlib.sha256(secret.encode()).hexdigest()
        to = {"org": REFS[self.other][0]}
        if self.minute % 2 == 0:
            due = {
                name: START + timedelta(minutes=self.minute + more) for name, more in (("accept", 3), ("contact", 5))
            }
            when["due"] = {name: at.isoformat() for name, at in due.items()}
        return {"handoff": self.handoff, "to": to, "context_released": False, "token_sha256": asked, **when}

    def step(self) -> Step:
        """It, as a step."""
        name = "contact.made" if self.kind == "step" else f"handoff.{self.kind}"
        org, person = REFS[self.one]
        return Step(
            self.source, self.id, f"org.pathline.{name}.v1", self.time, None, org, f"{org}-{person}",
            None, None, None, None, None, None, None, None, b"{}", orjson.dumps(self.data(self.kind)),
        )  # fmt: skip

    def amendment(self) -> Amendment:
        """It, as a void or a correction."""
        anew = {"replacement": {"time": self.time.isoformat(), "data": self.data(self.anew)}}
        data = orjson.dumps(anew) if self.kind == "correct" else None
        return Amendment(self.source, self.id, START, None, self.target, data)

    def evidence(self) -> Evidence:
        """It, as evidence."""
        sure, at = self.confidence, START + timedelta(minutes=self.minute)
        return Evidence(self.source, self.id, self.kind == "same", self.one, self.other, self.standing, sure, at)


@st.composite
def statements(draw: st.DrawFn, id: str | None = None, ids: int = 8) -> Statement:
    """Anything that somebody may say. A step is about its publisher's own person, an amendment about its own step."""
    kind: Kind = draw(st.sampled_from(("step", "offered", "accepted", "same", "same", "void", "correct", "redirected",
                                       "declined", "cancelled", "different", "retract")))  # fmt: skip
    handoff = draw(st.sampled_from(HANDOFFS))
    mine = [n for n, (org, _) in enumerate(REFS) if kind == "offered" and handoff.startswith(f"{org}:")]
    one = draw(st.sampled_from(mine or range(len(REFS))))
    org, standing = REFS[one][0], draw(st.sampled_from(EvidenceRank))
    if standing is EvidenceRank.HANDOFF:
        standing = EvidenceRank.LINKER
    if (kind in ("same", "different") and standing is EvidenceRank.DECISION) or (
        kind == "retract" and draw(st.booleans())
    ):
        org = "pathline"
    elif standing is EvidenceRank.DECISION:
        standing = EvidenceRank.CITIZEN
    target = source(org if kind != "retract" or org != "pathline" else draw(st.sampled_from((*ORGS, "pathline"))))
    return Statement(
        kind, id or str(draw(st.integers(0, ids - 1))), org, one, draw(st.sampled_from(range(len(REFS)))),
        draw(st.integers(0, 3)), draw(st.integers(0, 4)) == 0, handoff,
        draw(st.integers(0, 1)), (target, str(draw(st.integers(0, ids - 1)))),
        draw(st.sampled_from(STEPS)), standing, draw(st.sampled_from((0.5, 1.0))),
    )  # fmt: skip
