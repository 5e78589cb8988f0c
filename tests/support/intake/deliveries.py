"""Deliveries that a test knows the meaning of, and the tables that they must come to: an oracle without SQL.

Few names, so that repeats, conflicts, and voids before and after their targets turn up by themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from hypothesis import strategies as st

from pathline import Pseudonyms, interaction
from pathline.codec import kafka
from pathline.vocabulary import (
    ContactMade,
    IdentityDistinguished,
    IdentityLinked,
    IdentityRetracted,
    InteractionCorrected,
    InteractionVoided,
    Payload,
)
from pathline_gateway.kafka.offset_repository import Partition

ORGS = ("clinic", "shelter")
OWN = ("pathline.in.clinic", 0)
OWN_TOO = ("pathline.in.clinic", 1)
DOOR = ("pathline.in.door-1", 0)
PARTITIONS = (OWN, OWN_TOO, DOOR)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)

Kind = Literal["step", "void", "correct", "link", "distinguish", "retract", "malformed"]
Identity = tuple[str, str]


@dataclass(frozen=True)
class PublishedEvent:
    """What a publisher said, before it became bytes."""

    kind: Kind
    org: str
    id: int
    person: int
    other: int
    """The target's id, or the other person."""
    spaced: bool = False
    """Whether the data is written otherwise, and says the same."""

    @property
    def identity(self) -> Identity:
        return source(self.org), str(self.id)

    @property
    def target(self) -> Identity:
        return source(self.org), str(self.other)

    @property
    def ref(self) -> tuple[str, str]:
        return self.org, subject(self.org, self.person)


@dataclass(eq=False)
class ConsumedRecord:
    """A record as a consumer hands it over."""

    topic: str
    partition: int
    offset: int
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None
    timestamp: int = 1_772_000_000_000
    key: bytes | None = None


def source(org: str) -> str:
    return f"urn:pathline:{org}:desk"


@lru_cache
def subject(org: str, person: int) -> str:
    return Pseudonyms(org, b"a key of a test, 32 bytes long!!").subject(str(person))


def other_ref(event: PublishedEvent) -> tuple[str, str]:
    """The second ref of evidence about identity: of another organisation, so never the first."""
    org = ORGS[event.org == ORGS[0]]
    return org, subject(org, event.other)


@lru_cache(maxsize=4096)
def encoded(event: PublishedEvent) -> tuple[tuple[tuple[str, bytes], ...], bytes | None]:
    """Headers and value of the record."""
    if event.kind == "malformed":
        return (), f"no event {event.id}".encode()
    made = interaction(
        _payload(event),
        source=source(event.org),
        id=str(event.id),
        subject=subject(event.org, event.person),
        time=START + timedelta(minutes=event.person),
    )
    headers, value = kafka.encode(made.event)
    return tuple(headers), value.replace(b'":', b'" : ') if event.spaced and value else value


def _payload(event: PublishedEvent) -> Payload:
    refs: Any = [{"org": o, "subject": s} for o, s in (event.ref, other_ref(event))]
    of, id = event.target
    match event.kind:
        case "void":
            return InteractionVoided(source=of, id=id, reason="other")
        case "correct":
            data = {"kind": "complain"}
            return InteractionCorrected(source=of, id=id, reason="other", replacement={"data": data})  # type: ignore[arg-type]
        case "link":
            return IdentityLinked(same=refs, method="review")
        case "distinguish":
            return IdentityDistinguished(different=refs)
        case "retract":
            return IdentityRetracted(evidence={"source": of, "id": id})  # type: ignore[arg-type]
        case _:
            return ContactMade(kind="enquiry" if event.other % 2 else "inform")


KINDS: tuple[Kind, ...] = ("step", "step", "step", "void", "correct", "link", "distinguish", "retract", "malformed")


def published_events(ids: int = 6, people: int = 3) -> st.SearchStrategy[PublishedEvent]:
    """Anything that a publisher may say, with few names."""
    return st.builds(
        PublishedEvent,
        st.sampled_from(KINDS),
        st.sampled_from(ORGS),
        st.integers(0, ids - 1),
        st.integers(0, people - 1),
        st.integers(0, people - 1),
        st.booleans(),
    )


@dataclass
class Log:
    """What each partition holds, offset by offset; offsets may have holes."""

    records: dict[Partition, list[tuple[int, PublishedEvent]]] = field(default_factory=dict)

    def add(self, partition: Partition, event: PublishedEvent, hole: int = 0) -> None:
        kept = self.records.setdefault(partition, [])
        kept.append(((kept[-1][0] + 1 if kept else 0) + hole, event))

    def held(self, partition: Partition, start: int, end: int) -> list[ConsumedRecord]:
        """The records of the places from `start` to `end` in the partition's list."""
        found = self.records[partition][start:end]
        return [ConsumedRecord(*partition, offset, *encoded(event)) for offset, event in found]


@dataclass
class Expected:
    """What the tables must hold once deliveries were applied in an order."""

    registered: frozenset[str] | None = None
    """Organisations on the register; None when everybody is let in."""
    content: dict[Identity, PublishedEvent] = field(default_factory=dict)
    parked: set[tuple[Partition, int, str]] = field(default_factory=set)
    positions: dict[Partition, int] = field(default_factory=dict)
    duplicates: int = 0

    def apply(self, partition: Partition, records: Iterable[tuple[int, PublishedEvent]]) -> None:
        for offset, event in records:
            self.positions[partition] = offset + 1
            if reason := self._reason(partition, event):
                self.parked.add((partition, offset, reason))
            elif event.identity in self.content:
                self.duplicates += 1
            else:
                self.content[event.identity] = event

    def _reason(self, partition: Partition, event: PublishedEvent) -> str | None:
        if event.kind == "malformed":
            return "malformed"
        if partition != DOOR and event.org != "clinic":
            return "not-your-source"
        named = {event.org, *(ORGS if event.kind in ("link", "distinguish") else ())}
        if self.registered is not None and named - self.registered:
            return "unknown-organisation"
        kept = self.content.get(event.identity)
        if kept is not None and encoded(replace(kept, spaced=False)) != encoded(replace(event, spaced=False)):
            return "conflicting-duplicate"
        return None

    @property
    def steps(self) -> dict[Identity, PublishedEvent]:
        return {i: s for i, s in self.content.items() if s.kind == "step"}

    @property
    def voided(self) -> set[Identity]:
        return {s.target for s in self.content.values() if s.kind == "void"}

    def tables(self) -> dict[str, Any]:
        """Everything that can be compared, under the names that `stored.tables` uses."""
        steps = self.steps
        stepped = {s.ref for i, s in steps.items() if i not in self.voided}
        refs = {s.ref for s in steps.values()}
        pairs = {i: s for i, s in self.content.items() if s.kind in ("link", "distinguish")}
        for event in pairs.values():
            refs |= {event.ref, other_ref(event)}
        amendments = {i: s for i, s in self.content.items() if s.kind in ("void", "correct")}
        return {
            "interactions": Counter((i, s.ref) for i, s in steps.items()),
            "identities": Counter(self.content.keys()),
            "evidence": Counter(i for i, s in self.content.items() if s.kind != "step"),
            "amendments": Counter(
                (i, s.target, steps[s.target].ref if s.target in steps else None) for i, s in amendments.items()
            ),
            "links": Counter(
                [(i, s.ref, other_ref(s)) for i, s in pairs.items()]
                + [(i, None, None) for i, s in self.content.items() if s.kind == "retract"]
            ),
            "refs": {ref: ref in stepped for ref in refs},
            "parked": Counter((*p, offset, reason) for p, offset, reason in self.parked),
            "positions": dict(self.positions),
            "tally": {
                "interactions": len(steps.keys() - self.voided),
                "parked": len(self.parked),
                "subjects": len(refs),
                "stepped": len(stepped),
                "links": 0,
            },
        }


def expected(
    log: Mapping[Partition, Sequence[tuple[int, PublishedEvent]]], order: Iterable[Partition] = PARTITIONS
) -> dict[str, Any]:
    """The tables after these deliveries, partition after partition."""
    outcome = Expected()
    for partition in order:
        outcome.apply(partition, log.get(partition, ()))
    return outcome.tables()
