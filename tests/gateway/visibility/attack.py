"""A small world, and all that an organisation may publish into it to see what nobody granted it.

Few refs and few names, so that everything meets everything. A world is what honest people said; an attack is what the
charity says besides, decoded from numbers: any trust event and any step, under any ref of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

import orjson

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.lifecycle import group_by_handoff
from pathline_gateway.handoffs.token_redemption import find_redemptions
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.links.rights import Rights
from pathline_gateway.identity.resolution import resolve_people
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import ACCOUNT_SOURCE
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.policy import PathwayContext, compute_visible
from support.generators.pathways import NOW, START, consent, organisation, person, ref, subject

X, Y, Z = "charity", "clinic", "court"
"""Who attacks, who holds, and somebody whom the attacker names."""
REFS = ((X, 1), (X, 2), (X, 3), (Y, 1), (Y, 2), (Z, 1), ("citizen", 1), ("citizen", 2))
"""The citizen 1 is the person of whom the clinic knows; 2 is the attacker's accomplice."""
X1, X2, X3, Y1, Y2, Z1, HER, ACCOMPLICE = range(len(REFS))
NUMBER = {(org, subject(n)): number for number, (org, n) in enumerate(REFS)}
STORED = [ref(org, n, age) for age, (org, n) in enumerate(REFS)]
ORGS = {number: org for number, (org, _) in enumerate(REFS)}
READERS: Sequence[Reader] = (
    organisation(X),
    organisation(X, "other"),
    organisation(Z),
    person(2),
    person(2, Role.HELPER),
    person(2, Role.CITIZEN, Role.HELPER),
)
SECRET = "a-token-of-the-clinics-own"
OWN_SECRET = "a-token-of-the-attackers-own"


@dataclass
class PublishedEvents:
    """Everything that was published."""

    steps: list[Step] = field(default_factory=list)
    consents: list[ConsentEvent] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def __add__(self, other: PublishedEvents) -> PublishedEvents:
        """Both."""
        return PublishedEvents(self.steps + other.steps, self.consents + other.consents, self.evidence + other.evidence)


def event(number: int, id: str, type: str, minute: int, data: Mapping[str, Any]) -> Step:
    """A step under this ref, as intake would have stored it."""
    org, n = REFS[number]
    service = data.get("service")
    return Step(
        ACCOUNT_SOURCE if org == "citizen" else f"urn:pathline:{org}:desk", id, f"org.pathline.{type}.v1",
        START + timedelta(minutes=minute), None, org, subject(n), service, None, None, None, None, None, None, None,
        b"{}", orjson.dumps(data),
    )  # fmt: skip


def link(
    id: str, a: int, b: int, standing: EvidenceRank, same: bool = True, minute: int = 0, org: str = "x"
) -> Evidence:
    """What somebody said of two refs."""
    return Evidence(f"urn:pathline:{org}:desk", id, same, a, b, standing, 1.0, START + timedelta(minutes=minute))


def offer(id: str, number: int, handoff: str, to: str, token: str, minute: int, **more: Any) -> Step:
    """Somebody is handed on."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    said = {"handoff": handoff, "to": {"org": to}, "token_sha256": digest, "context_released": False}
    return event(number, id, "handoff.offered", minute, said | more)


# --- what honest people said -----------------------------------------------------------------------------------------

LINKS: Sequence[Evidence] = (
    link("l0", HER, Y1, EvidenceRank.CITIZEN),
    link("l1", HER, X1, EvidenceRank.CITIZEN, minute=1),
    link("l2", ACCOMPLICE, X2, EvidenceRank.CITIZEN, minute=2),
    link("l3", Y1, X1, EvidenceRank.LINKER),
    link("l4", Z1, X2, EvidenceRank.LINKER),
    link("l5", Z1, Y1, EvidenceRank.LINKER, minute=3),
    link("l6", ACCOMPLICE, Z1, EvidenceRank.CITIZEN, minute=4),
    link("l7", ACCOMPLICE, X1, EvidenceRank.CITIZEN, minute=5),
    link("l8", ACCOMPLICE, Y2, EvidenceRank.CITIZEN, minute=6),
)
CONSENTS: Sequence[ConsentEvent] = (
    consent("citizen", "k0", minute=5, holders=[Y], recipients=[X], nouns=["contact"], consent="hers"),
    consent("citizen", "k1", False, minute=6, recipients=[X], consent="against"),
    consent("citizen", "k2", minute=5, holders=[], recipients=[Z], nouns=["contact", "decision"], consent="c"),
    consent(Y, "k3", minute=5, holders=[Y], recipients=[Z], nouns=["decision"], consent="own"),
    consent("citizen", "k4", False, minute=7, recipients=[Z], consent="against-all"),
    consent("citizen", "k5", minute=8, n=2, recipients=[X, Z], nouns=["contact", "decision"], consent="his"),
)
MANDATED = {"agent": {"org": "citizen", "subject": subject(2)}, "powers": ["see"]}
MANDATES: Sequence[Step] = (
    event(HER, "m0", "mandate.given", 5, {"mandate": "m", "services": [{"org": Z}], **MANDATED}),
    event(HER, "m1", "mandate.withdrawn", 6, {"mandate": "m"}),
    event(HER, "m2", "mandate.given", 5, {"mandate": "m2", "services": [], **MANDATED, "safety": "conceal"}),
    event(HER, "m3", "mandate.withdrawn", 7, {"mandate": "m2", "safety": "conceal"}),
)
STEPS: Sequence[Step] = (
    event(Y1, "y1", "contact.made", 1, {"kind": "enquiry"}),
    event(Y1, "y2", "decision.made", 2, {"decision": "d", "result": "granted", "service": "ward"}),
    event(Y2, "y3", "contact.made", 3, {"kind": "enquiry"}),
    event(Z1, "z1", "contact.made", 4, {"kind": "enquiry"}),
    event(HER, "c1", "need.expressed", 5, {"need": "n", "code": "food"}),
)
PASSED: Sequence[Sequence[Step]] = (
    (),
    (offer("o", Y1, f"{Y}:1", X, SECRET, 10),),
    (offer("o", Y1, f"{Y}:1", X, SECRET, 10, context_released=True),),
    (
        offer("o", Y1, f"{Y}:1", X, SECRET, 10, context_released=True),
        event(X1, "a", "handoff.accepted", 12, {"handoff": f"{Y}:1", "token": SECRET}),
    ),
    (offer("o", Y1, f"{Y}:1", Z, SECRET, 10, context_released=True),),
)
"""A hand-off of the clinic's, as far as it came. The attacker knows the token where it has shown it, and else not."""
_RELEASED, _TAKEN_ON = 2, 3
"""Of these: released to the attacker, and then taken on by her."""
WORLDS = (1 << len(LINKS) + len(CONSENTS) + len(MANDATES)) * len(PASSED)


def _some(things: Sequence[Any], bits: int) -> tuple[list[Any], int]:
    return [each for n, each in enumerate(things) if bits >> n & 1], bits >> len(things)


def world(number: int) -> PublishedEvents:
    """What honest people said, of all that they might have."""
    number, passed = divmod(number, len(PASSED))
    links, rest = _some(LINKS, number)
    consents, rest = _some(CONSENTS, rest)
    mandates, _ = _some(MANDATES, rest)
    return PublishedEvents([*STEPS, *mandates, *PASSED[passed]], consents, links)


# --- what the attacker may say ---------------------------------------------------------------------------------------

SAFETY: tuple[dict[str, str], ...] = ({}, {"safety": "conceal"}, {"safety": "location-hidden"})
ORGANISATIONS = ((), (X,), (Y,), (Z,), (X, Y), (Y, Z), ("citizen",))
OWN = (X1, X2, X3)
NOUNS = (("contact",), ("contact", "decision", "handoff", "mandate", "need"))
VERBS = ("offered", "accepted", "declined", "redirected", "seen", "cancelled")
PAIRS = tuple((a, b) for a in range(len(REFS)) for b in range(len(REFS)) if a < b)
RIGHTS = Rights(False, ())


class Choices:
    """Reads choices off a number."""

    def __init__(self, number: int) -> None:
        self._left = number

    def of(self, options: Sequence[Any]) -> Any:
        """One of these."""
        self._left, n = divmod(self._left, len(options))
        return options[n]


def attack(numbers: Sequence[int]) -> PublishedEvents:
    """What the attacker says, one event for each number."""
    said = PublishedEvents()
    for n, number in enumerate(numbers):
        choices = Choices(number)
        kind = choices.of((_consent, _mandate, _identity, _identity, _handoff, _handoff, _other))
        kind(said, f"x{n}", choices)
    return said


KINDS = 7
"""A number's remainder by it is the kind of its event."""
ATTACK = KINDS * 10**9
"""Numbers below this reach every event."""


def _consent(said: PublishedEvents, id: str, choices: Choices) -> None:
    given = choices.of((True, True, True, False))
    said.consents.append(
        consent(
            X, id, given, choices.of((1, 2, 3)), choices.of((0, 5, 6, 20, 10**6)), choices.of(ORGANISATIONS),
            choices.of(((X,), (Z,), (X, Z))), choices.of(NOUNS), choices.of(("care", "other")),
            choices.of(("hers", "own", "k")),
        )
    )  # fmt: skip


def _mandate(said: PublishedEvents, id: str, choices: Choices) -> None:
    data: dict[str, Any] = {"mandate": choices.of(("m", "m2", "x")), **choices.of(SAFETY)}
    verb = choices.of(("given", "given", "withdrawn"))
    if verb == "given":
        agent = choices.of((ACCOMPLICE, HER))
        data |= {
            "agent": {"org": "citizen", "subject": subject(REFS[agent][1])},
            "services": [{"org": org} for org in choices.of(ORGANISATIONS)],
            "powers": ["see", "act"],
        }
    said.steps.append(event(choices.of(OWN), id, f"mandate.{verb}", choices.of((0, 5, 6, 7, 20)), data))


def _identity(said: PublishedEvents, id: str, choices: Choices) -> None:
    a, b = choices.of(PAIRS)
    kind = choices.of(("same", "same", "same", "different"))
    standing = RIGHTS.rank_of(f"urn:pathline:{X}:desk", kind, (ORGS[a], ORGS[b]))
    at = START + timedelta(minutes=choices.of((-100, 0, 100)))
    sure = choices.of((1.0, 0.5))
    said.evidence.append(Evidence(f"urn:pathline:{X}:desk", id, kind == "same", a, b, standing, sure, at))


def _handoff(said: PublishedEvents, id: str, choices: Choices) -> None:
    """Its own hand-off, to itself or others; or its word on the clinic's, with a token that it made itself."""
    verb, handoff = choices.of(VERBS), choices.of((f"{X}:1", f"{Y}:1"))
    number, minute = choices.of(OWN), choices.of((5, 9, 11, 13, 15))
    data: dict[str, Any] = {"handoff": handoff, **choices.of(SAFETY)}
    if verb in ("offered", "redirected"):
        data |= {
            "to": {"org": choices.of((X, Z, Y))},
            "token_sha256": hashlib.sha256(OWN_SECRET.encode()).hexdigest(),
            "context_released": True,
        }
    elif verb in ("accepted", "declined"):
        data |= {"token": OWN_SECRET, "context_released": True} if verb == "accepted" else {"reason": "other"}
    said.steps.append(event(number, id, f"handoff.{verb}", minute, data))


def _other(said: PublishedEvents, id: str, choices: Choices) -> None:
    """A step of any other noun, which names others' events, organisations and hand-offs."""
    data: dict[str, Any] = {
        "kind": "chase",
        "regarding": {"source": f"urn:pathline:{Y}:desk", "id": choices.of(("y1", "y2", "c1"))},
        "handoff": choices.of((f"{X}:1", f"{Y}:1")),
        **choices.of(SAFETY),
    }
    said.steps.append(event(choices.of(OWN), id, "contact.made", choices.of((0, 11, 20)), data))


# --- what comes of it ------------------------------------------------------------------------------------------------

Identity = tuple[str, str]


def people(said: PublishedEvents) -> list[frozenset[int]]:
    """Who is who."""
    shown = [
        Evidence(
            r.source, r.id, True, NUMBER[r.offer_subject], NUMBER[r.redeeming_subject],
            EvidenceRank.PROPOSED if r.needs_review else EvidenceRank.HANDOFF, 1.0, r.at,
        )
        for handoff, found in group_by_handoff(said.steps).items()
        for r in find_redemptions(handoff, [each.event for each in found])
    ]  # fmt: skip
    return resolve_people(ORGS, [*said.evidence, *shown]).people


def shown_to(said: PublishedEvents) -> list[frozenset[Identity]]:
    """Of each reader, the steps of others that she is shown, on whichever pathway."""
    found: list[set[Identity]] = [set() for _ in READERS]
    steps = sorted(said.steps, key=lambda step: step.sort_key)
    for together in people(said):
        here = {REFS[n] for n in together}
        named = {(org, subject(n)) for org, n in here}
        known = PathwayContext(
            [STORED[n] for n in sorted(together)],
            [step for step in steps if (step.org, step.subject) in named],
            [each for each in said.consents if (each.org, each.subject) in named],
            received_at={(step.source, step.id): step.time for step in steps},
        )
        for reader, into in zip(READERS, found, strict=True):
            seen = compute_visible(reader, NOW, known)
            for each, _ in () if seen is None else seen.steps:
                if each.step.org != X and not reader.owns(each.step.org, each.step.subject):
                    into.add((each.step.source, each.step.id))
    return [frozenset(each) for each in found]


@lru_cache(maxsize=4096)
def granted(number: int) -> tuple[frozenset[Identity], ...]:
    """The same in the world without the attack, and what was granted in it though something else stood against it.

    That is: what its holder or the person agreed to, whatever the other forbids; and what honest people said of who is
    who, though it waits because the attacker's own client was linked with somebody else, or because the attacker took
    her on: an organisation may take back what it said itself.
    """
    said = world(number)
    together = {n: here | _linked(said, n) for here in people(said) for n in here}
    found = []
    unsaid = shown_to(world(number - _TAKEN_ON + _RELEASED)) if number % len(PASSED) == _TAKEN_ON else shown_to(said)
    for reader, shown, before in zip(READERS, shown_to(said), unsaid, strict=True):
        more = set(shown | before)
        for step in said.steps:
            here = together[NUMBER[step.org, step.subject]]
            hers = reader.account == subject(2) and Role.CITIZEN in reader.roles and ACCOMPLICE in here
            helps = Role.HELPER in reader.roles and HER in here and _mandated(said, step.org)
            named = step.type.endswith("mandate.given.v1") and reader.org == Z
            about = reader.org or "", reader.access_purpose.purpose or ""
            agreed = (
                each.concerns(*about) and each.permits(step.org, step.type.split(".")[2], NOW)
                for each in said.consents
                if each.org in ("citizen", step.org) and NUMBER[each.org, each.subject] in here
            )
            if hers or helps or named or any(agreed):
                more.add((step.source, step.id))
        found.append(frozenset(more))
    return tuple(found)


def _mandated(said: PublishedEvents, org: str) -> bool:
    """Whether she lets the accomplice see what this organisation holds."""
    ended = {orjson.loads(s.data)["mandate"] for s in said.steps if s.type.endswith("mandate.withdrawn.v1")}
    given = [orjson.loads(s.data) for s in said.steps if s.type.endswith("mandate.given.v1")]
    return any(
        each["mandate"] not in ended and (not each["services"] or {"org": org} in each["services"]) for each in given
    )


def _linked(said: PublishedEvents, start: int) -> set[int]:
    """Whom honest links alone connect with this ref: all but those of the accomplice with the attacker's clients."""
    found, before = {start}, 0
    edges = [(e.a, e.b) for e in said.evidence if not (e.a == ACCOMPLICE and ORGS[e.b] == X)]
    while len(found) > before:
        before = len(found)
        found |= {y for a, b in edges for x, y in ((a, b), (b, a)) if x in found}
    return found


def shown_without_a_grant(number: int, numbers: Iterable[int]) -> list[tuple[str, list[Identity]]]:
    """What somebody is shown by the attack that nobody granted: the reader, and the steps."""
    after = shown_to(world(number) + attack(list(numbers)))
    found = [sorted(shown - allowed) for shown, allowed in zip(after, granted(number), strict=True)]
    return [
        (reader.name, left)
        for reader, each in zip(READERS, found, strict=True)
        if (left := [step for step in each if not _handed_on(number, reader, step)])
    ]


def _handed_on(number: int, reader: Reader, step: Identity) -> bool:
    """Whether the clinic's hand-off grants it: its own steps go with it, and what was released to who is asked."""
    passed = number % len(PASSED)
    asked, released = {1: X, 2: X, 3: X, 4: Z}.get(passed), passed in (2, 3, 4)
    if step[1] == "o":
        return asked == X or asked == reader.org
    return released and asked == reader.org and step[1] in ("y1", "y2")
