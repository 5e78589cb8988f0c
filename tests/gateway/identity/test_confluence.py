"""Whatever is said, in whatever order and however often it comes, the pathways are those of a batch recompute."""

from __future__ import annotations

import os
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gateway.identity.batch_recompute import LIMITS, recompute_pathways
from gateway.identity.statements import REFS, START, STEPS, Identity, Kind, Statement, statements
from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.handoffs.token_redemption import Redemption, find_redemptions
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.membership_writer import compute_pathways
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.pathways.amendments import apply_amendments
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.step import Step
from support.examples import LONG

EXAMPLES = int(os.environ.get("CONFLUENCE_EXAMPLES", 10_000 if LONG else 300))


# --- the oracle: forty lines, over all that was said at once ---------------------------------------------------------


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
                EvidenceRank.PROPOSED if r.needs_review else EvidenceRank.HANDOFF, 1.0, r.at,
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
        for person, steps in recompute_pathways(list(self.live.said.values())).items():
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
