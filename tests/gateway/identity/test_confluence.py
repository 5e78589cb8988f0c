"""Whatever is said, in whatever order and however often it comes, the pathways are those of a batch recompute."""

from __future__ import annotations

import os
from collections.abc import Collection, Coroutine, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gateway.identity.oracle import people_of
from gateway.identity.statements import HANDOFFS, REFS, START, STEPS, TOKENS, Identity, Kind, Statement, statements
from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.handoffs.token_redemption import Redemption, find_redemptions
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.membership_writer import compute_pathways
from pathline_gateway.identity.resolution import ResolutionLimits, StoredRef
from pathline_gateway.pathways.amendments import apply_amendments
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.step import Step
from support.examples import number as some_or_all

LIMITS = ResolutionLimits(max_neighbours=2, max_refs=4, min_bridged_group=2)
EXAMPLES = int(os.environ.get("CONFLUENCE_EXAMPLES", some_or_all(10_000)))
DAY = timedelta(days=1)


# --- the oracle: forty lines, over all that was said at once ---------------------------------------------------------


def batch(said: Collection[Statement], limits: ResolutionLimits = LIMITS) -> dict[frozenset[int], list[Identity]]:
    """Everybody, and the steps that stand on each one's pathway, in order."""
    steps = {s.identity: then for s in said if s.kind in STEPS and (then := now(s, said))}
    links = [s for s in said if s.kind in ("same", "different")]
    evidence = [s.evidence() for s in links] + [e for h in HANDOFFS for e in shown(h, steps)]
    withdrawn = {(s.org, s.target) for s in said if s.kind == "retract"}
    live = [
        e
        for e in evidence
        if not {(e.source.split(":")[2], (e.source, e.id)), ("pathline", (e.source, e.id))} & withdrawn
    ]
    people = people_of({n: org for n, (org, _) in enumerate(REFS)}, live, limits)
    return {person: [i for i, s in sorted(steps.items(), key=place) if s.one in person] for person in people}


def place(item: tuple[Identity, Statement]) -> tuple[datetime, str, str]:
    return (item[1].time, *item[0])


def now(step: Statement, said: Collection[Statement]) -> Statement | None:
    """The step as it counts: not at all, or as the last correction that keeps its contract says."""
    mine = [s for s in said if s.target == step.identity and s.kind in ("void", "correct")]
    if any(s.kind == "void" for s in mine):
        return None
    asking = ("offered", "redirected")
    # What a refusal says is all that an acceptance, or a cancellation, has to say.
    alike = {"accepted": True, "cancelled": False}
    fits = [
        s
        for s in mine
        if s.anew == step.kind
        or (s.anew in asking and step.kind in asking)
        or (s.anew == "declined" and alike.get(step.kind) is s.shows)
    ]
    if step.kind == "offered":  # of nobody else's hand-off
        fits = [s for s in fits if s.handoff.startswith(f"{step.org}:")]
    if not fits:
        return step
    last = max(fits, key=lambda s: (s.source, s.id))
    return Statement(step.kind, step.id, step.org, step.one, last.other, last.minute, last.day, last.handoff,
                     last.token, last.target, last.anew, last.standing, last.confidence)  # fmt: skip


def shown(handoff: str, steps: Mapping[Identity, Statement]) -> list[Evidence]:
    """Who is who by this hand-off."""
    state, by, to, live, offerer, maker = "", handoff.split(":")[0], "", -1, -1, ""
    first: dict[str, int] = {}
    found: dict[tuple[str, int], Evidence] = {}
    mine = {i: s for i, s in steps.items() if s.kind != "step" and s.handoff == handoff}
    waiting = [(when(i, s, mine), *i, s, False) for i, s in mine.items()]
    redeemed: list[tuple[datetime, Identity, Statement, bool]] = []
    while waiting:
        at = min(waiting, key=lambda w: (w[0], not w[4], *w[1:3]))
        waiting.remove(at)
        time, source, id, s, again = at
        asked_of = state == "asked" and s.org == to
        legal = {
            "offered": not state and s.org == by,
            "redirected": asked_of or (state == "refused" and s.org in (by, to)),
            "cancelled": state in ("asked", "taken", "refused") and s.org == by,
        }.get(s.kind, asked_of)
        if not legal and s.day and not again and time == s.time:
            waiting.append((s.time + DAY, source, id, s, True))
            continue
        if (s.kind == "accepted" or (s.kind == "declined" and s.shows)) and s.token == live and offerer >= 0:
            redeemed.append((when((source, id), s, mine), (source, id), s, s.org == maker))
        if legal and s.kind in ("offered", "redirected"):
            offerer, state, to, live = (s.one if offerer < 0 else offerer), "asked", REFS[s.other][0], s.token
            maker = s.org
        elif legal:
            state = {"accepted": "taken", "declined": "refused", "cancelled": "over"}[s.kind]
    for time, (source, id), s, own in sorted(redeemed, key=lambda r: r[:2]):
        late = own or first.setdefault(TOKENS[s.token], s.one) != s.one
        if s.one != offerer and (TOKENS[s.token], s.one) not in found:
            standing = EvidenceRank.PROPOSED if late else EvidenceRank.HANDOFF
            found[TOKENS[s.token], s.one] = Evidence(source, id, True, offerer, s.one, standing, 1.0, time)
    return list(found.values())


def when(identity: Identity, answer: Statement, others: Mapping[Identity, Statement]) -> datetime:
    """At which time it counts: whoever shows a token has answered what gave the token, whatever her clock says."""
    if answer.kind != "accepted" and not (answer.kind == "declined" and answer.shows):
        return answer.time
    gives = [(s.time, i) for i, s in others.items() if s.kind in ("offered", "redirected") and s.token == answer.token]
    ends = answer.time + (DAY if answer.day else timedelta())
    if gives and (answer.time, identity) < min(gives) and ends <= min(gives)[0]:
        return min(gives)[0] + timedelta(microseconds=1)
    return answer.time


# --- the machine: what the product does, one event after the other ---------------------------------------------------


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What the coroutine returns; it never waits here."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


class Incremental:
    """Sees one event at a time, and binds anew whom it touches; a neighbourhood in memory."""

    def __init__(self, births: list[UUID], ages: list[int]) -> None:
        self.everybody = {
            n: StoredRef(n, org, f"{org}-{person}", births[n], START + timedelta(minutes=ages[n]))
            for n, (org, person) in enumerate(REFS)
        }
        self.numbers = {(ref.org, ref.subject): n for n, ref in self.everybody.items()}
        self.said: dict[Identity, Statement] = {}
        self.links: dict[str, list[Redemption]] = {}
        self.pathway: dict[int, UUID | None] = dict.fromkeys(self.everybody)

    def see(self, said: Statement) -> None:
        if said.identity in self.said:
            return
        self.said[said.identity] = said
        touched: set[int] = set()
        if said.kind in ("same", "different"):
            touched = {said.one, said.other}
        elif said.kind == "retract":
            touched = {ref for e in self.asserted() if (e.source, e.id) == said.target for ref in (e.a, e.b)}
        else:
            touched = self.rederived(self.mentioned(said))
        if touched:
            self.pathway |= run(compute_pathways(self, touched, LIMITS))[0]

    def mentioned(self, said: Statement) -> set[str]:
        """The hand-offs that have to be looked at: of it, or of its target, as sent and as corrected."""
        about = said.target if said.kind in ("void", "correct") else said.identity
        target = self.said.get(about)
        others = {s.handoff for s in self.said.values() if s.kind == "correct" and s.target == about}
        return others | ({target.handoff} if target is not None and target.kind != "step" else set())

    def rederived(self, handoffs: Iterable[str]) -> set[int]:
        touched: set[int] = set()
        for handoff in handoffs:
            events = [e for s in self.steps() if (e := handoff_event_from_step(s)) and e.handoff == handoff]
            before, after = self.links.get(handoff, []), find_redemptions(handoff, events)
            self.links[handoff] = after
            changed = {r for r in (*before, *after) if r not in before or r not in after}
            touched |= {self.numbers[subject] for r in changed for subject in (r.offer_subject, r.redeeming_subject)}
        return touched

    def steps(self) -> list[Step]:
        amendments = [s.amendment() for s in self.said.values() if s.kind in ("void", "correct")]
        return apply_amendments([s.step() for s in self.said.values() if s.kind in STEPS], amendments)

    def asserted(self) -> list[Evidence]:
        """All evidence, retracted or not."""
        shown = [
            Evidence(
                r.source, r.id, True, self.numbers[r.offer_subject], self.numbers[r.redeeming_subject],
                EvidenceRank.PROPOSED if r.is_late else EvidenceRank.HANDOFF, 1.0, r.at,
            )
            for found in self.links.values()
            for r in found
        ]  # fmt: skip
        return shown + [s.evidence() for s in self.said.values() if s.kind in ("same", "different")]

    async def connected_refs(self, touched: Collection[int]) -> set[int]:
        found, frontier = set(touched), list(touched)
        while frontier:
            here = frontier.pop()
            near = {ref for e in self.asserted() if e.same and here in (e.a, e.b) for ref in (e.a, e.b)} - found
            found |= near
            frontier += near
        return found

    async def load_refs(self, numbers: Collection[int]) -> dict[int, StoredRef]:
        return {n: self.everybody[n] for n in numbers}

    async def load_evidence(self, numbers: Collection[int]) -> list[Evidence]:
        withdrawn = {(s.org, s.target) for s in self.said.values() if s.kind == "retract"}
        return [
            e
            for e in self.asserted()
            if (e.a in numbers or e.b in numbers)
            and not {(org, (e.source, e.id)) for org in (e.source.split(":")[2], "pathline")} & withdrawn
        ]

    def pathways(self) -> dict[UUID, list[Identity]]:
        """What a pull of each pathway shows."""
        of = {ref: name or self.everybody[ref].anchor_id for ref, name in self.pathway.items()}
        found: dict[UUID, list[Step]] = {name: [] for name in of.values()}
        for step in self.steps():
            found[of[self.numbers[step.org, step.subject]]].append(step)
        return {name: [(s.source, s.id) for s in assemble(steps).steps] for name, steps in found.items()}


class Confluence(RuleBasedStateMachine):
    """Somebody says something, or what was said comes again; at every moment the batch agrees."""

    @initialize(births=st.lists(st.uuids(), min_size=6, max_size=6, unique=True), ages=st.permutations(range(6)))
    def begin(self, births: list[UUID], ages: list[int]) -> None:
        self.live = Incremental(births, ages)

    @rule(said=statements())
    def is_said(self, said: Statement) -> None:
        self.live.see(said)
        self.agree()

    @rule(said=statements(), data=st.data())
    def a_token_is_shown(self, said: Statement, data: st.DataObject) -> None:
        offers = [s for s in self.live.said.values() if s.kind in ("offered", "redirected")]
        if offers:
            offer = data.draw(st.sampled_from(offers))
            one = data.draw(st.sampled_from([n for n, (org, _) in enumerate(REFS) if org == REFS[offer.other][0]]))
            minute = data.draw(st.integers(offer.minute, 4))
            self.is_said(
                replace(
                    said,
                    kind="accepted",
                    org=REFS[one][0],
                    one=one,
                    minute=minute,
                    handoff=offer.handoff,
                    token=offer.token,
                )
            )

    @rule(said=statements(), data=st.data())
    def a_step_is_amended(self, said: Statement, data: st.DataObject) -> None:
        steps = [s for s in self.live.said.values() if s.kind in STEPS]
        if steps:
            step = data.draw(st.sampled_from(steps))
            kinds: tuple[Kind, ...] = ("correct", "correct", "void")
            kind = data.draw(st.sampled_from(kinds))
            self.is_said(replace(said, kind=kind, org=step.org, one=step.one, target=step.identity, anew=step.kind))

    @rule(said=statements())
    def two_are_linked(self, said: Statement) -> None:
        if said.kind != "retract":
            self.is_said(replace(said, kind="same", org=REFS[said.one][0], standing=EvidenceRank.LINKER))

    @rule(data=st.data())
    def comes_again(self, data: st.DataObject) -> None:
        if self.live.said:
            self.live.see(data.draw(st.sampled_from(list(self.live.said.values()))))
            self.agree()

    @rule(data=st.data())
    def everything_comes_again_in_another_order(self, data: st.DataObject) -> None:
        everybody = self.live.everybody.values()
        fresh = Incremental(
            [r.anchor_id for r in everybody], [int((r.received_at - START).seconds / 60) for r in everybody]
        )
        for said in data.draw(st.permutations(list(self.live.said.values()))):
            fresh.see(said)
        assert fresh.pathways() == self.live.pathways()
        self.live = fresh
        self.agree()

    def agree(self) -> None:
        wanted = {}
        for person, steps in batch(list(self.live.said.values())).items():
            oldest = min((self.live.everybody[n] for n in person), key=lambda r: (r.received_at, r.org, r.subject))
            wanted[oldest.anchor_id] = steps
        assert self.live.pathways() == wanted


@pytest.mark.scaled
@pytest.mark.timeout(900 + EXAMPLES // 10)
def test_any_order_of_anything_that_may_be_said_comes_to_what_a_batch_recompute_finds() -> None:
    """At every moment: for the events seen so far. CONFLUENCE_EXAMPLES says how many histories are tried."""
    run_state_machine_as_test(
        Confluence,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
