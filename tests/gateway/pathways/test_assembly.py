"""Assembly does not depend on the order or the number of times that interactions and amendments come."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.pathways.amendments import Amendment
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.step import Step

START = datetime(2026, 3, 1, tzinfo=UTC)
TYPE = "org.pathline.contact.made.v1"
SOURCES = [f"urn:pathline:{org}:desk" for org in ("a", "b")]


def step(source: str, id: str, minute: int, sequence: str | None) -> Step:
    data = json.dumps({"kind": "enquiry", "service": id}).encode()
    at = START + timedelta(minutes=minute)
    org = source.split(":")[2]
    columns = (source, id, TYPE, at, None, org, "v1.x", id, None, None, None, None, sequence, None, None)
    return Step(*columns, extra=b"{}", data=data)


def amendment(source: str, id: str, minute: int, target: str, corrects: str | None) -> Amendment:
    """A void, or a correction that makes the service that of `corrects` (none at all when it breaks the contract)."""
    at = START + timedelta(minutes=minute)
    if corrects is None:
        return Amendment(source, id, at, None, (source, target), None)
    data = {"service": corrects} if corrects == "broken" else {"kind": "enquiry", "service": corrects}
    body = json.dumps({"source": source, "id": target, "replacement": {"data": data}}).encode()
    return Amendment(source, id, at, None, (source, target), body)


ids = st.sampled_from(["1", "2", "3", "4"])
steps = st.lists(
    st.builds(step, st.sampled_from(SOURCES), ids, st.integers(0, 3), st.none() | st.sampled_from(["a", "b"])),
    max_size=7,
    unique_by=lambda s: (s.source, s.id),
)
amendments = st.lists(
    st.builds(
        amendment,
        st.sampled_from(SOURCES),
        st.sampled_from(["x", "y", "z"]),
        st.integers(0, 2),
        ids,
        st.none() | st.sampled_from(["one", "two", "broken"]),
    ),
    max_size=5,
    unique_by=lambda a: (a.source, a.id),
)


def oracle(given_steps: list[Step], given_amendments: list[Amendment]) -> list[tuple[str, str, str | None]]:
    """Each step with its fate, told naively; then sorted by the words of the design."""
    out = []
    for each in given_steps:
        about = [a for a in given_amendments if a.target == (each.source, each.id)]
        if any(a.data is None for a in about):
            continue
        service = each.service
        for a in sorted(about, key=lambda a: (a.time, a.source, a.sequence is not None, a.sequence or "", a.id)):
            told = json.loads(a.data or b"")["replacement"]["data"]
            service = told["service"] if "kind" in told else service
        out.append((each, service))
    out.sort(key=lambda pair: pair[0].id)
    out.sort(key=lambda pair: pair[0].sequence or "")
    out.sort(key=lambda pair: pair[0].sequence is not None)
    out.sort(key=lambda pair: pair[0].source)
    out.sort(key=lambda pair: pair[0].time)
    return [(each.source, each.id, service) for each, service in out]


@given(given_steps=steps, given_amendments=amendments, data=st.data())
def test_the_pathway_is_that_of_the_oracle_in_every_order(
    given_steps: list[Step], given_amendments: list[Amendment], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(given_steps))
    amended = data.draw(st.permutations(given_amendments))
    repeated = data.draw(st.lists(st.sampled_from(amended), max_size=3)) if amended else []
    pathway = assemble(shuffled, [*amended, *repeated])
    assert [(s.source, s.id, s.service) for s in pathway.steps] == oracle(given_steps, given_amendments)
    assert set(pathway.legs) == {(s.org, s.service) for s in pathway.steps}


@given(given_steps=steps)
def test_an_amendment_of_something_else_changes_nothing(given_steps: list[Step]) -> None:
    elsewhere = Amendment("urn:pathline:a:desk", "x", START, None, ("urn:pathline:a:desk", "unknown"), None)
    assert assemble(given_steps, [elsewhere]) == assemble(given_steps)


def test_a_correction_may_move_a_step_and_it_keeps_its_own_identity() -> None:
    first, second = step(SOURCES[0], "1", 0, None), step(SOURCES[0], "2", 1, None)
    body = {"source": SOURCES[0], "id": "1", "replacement": {"time": "2026-03-02T00:00:00Z", "data": {"kind": "chase"}}}
    moved = Amendment(SOURCES[0], "x", START, None, (SOURCES[0], "1"), json.dumps(body).encode())
    pathway = assemble([first, second], [moved])
    assert [(s.id, s.time.day) for s in pathway.steps] == [("2", 1), ("1", 2)]
    assert pathway.steps[1] == first._replace(
        time=pathway.steps[1].time, service=None, data=pathway.steps[1].data, stored_time=first.time
    )


def test_a_correction_makes_no_offer_of_a_hand_off_of_others() -> None:
    said = {"handoff": "a:1", "to": {"org": "b"}, "token_sha256": "0" * 64, "context_released": False}
    data = json.dumps(said).encode()
    offer = step(SOURCES[0], "1", 0, None)._replace(type="org.pathline.handoff.offered.v1", data=data)
    for handoff, corrected in (("b:1", False), ("a:2", True)):
        body = {"source": SOURCES[0], "id": "1", "replacement": {"data": {**said, "handoff": handoff}}}
        made = Amendment(SOURCES[0], "x", START, None, (SOURCES[0], "1"), json.dumps(body).encode())
        (found,) = assemble([offer], [made]).steps
        assert (json.loads(found.data)["handoff"] == handoff) is corrected
