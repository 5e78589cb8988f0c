"""Many lives: the same for a seed, over in time, and rich in what goes wrong and right between services."""

from datetime import datetime, timedelta
from itertools import islice
from typing import get_args

import pytest

from pathline import Interaction, accept, topic_of
from pathline.vocabulary import (
    ContactMade,
    EvidenceRequested,
    ExperienceShared,
    HandoffAccepted,
    HandoffDeclined,
    HandoffOffered,
    Payload,
)
from pathline_services.reference import SERVICES
from pathline_services.simulator import Act, simulate_life
from pathline_services.simulator.stuck_handoff import stuck_acts, stuck_handoff_ref
from pathline_services.simulator.visit_publisher import simulate_acts

Life = list[Interaction[Payload]]


def published(acts: list[Act]) -> Life:
    return [each for act in acts for each in SERVICES[act.org].interactions(act.visit)]


@pytest.fixture(scope="session")
def pathways(five_hundred: list[list[Act]]) -> list[Life]:
    return [published(acts) for acts in five_hundred]


def test_the_same_seed_tells_the_same_lives_all_day(now: datetime) -> None:
    for number in range(30):
        assert simulate_life(3, number, now) == simulate_life(3, number, now + timedelta(hours=9))


def test_another_seed_or_number_tells_another_life(now: datetime) -> None:
    tokens = {
        act.visit.slip.code for n in range(30) for s in (3, 4) for act in simulate_life(s, n, now) if act.visit.slip
    }
    numbers = {
        act.visit.slip.number for n in range(30) for s in (3, 4) for act in simulate_life(s, n, now) if act.visit.slip
    }
    assert len(tokens - {None}) <= len(numbers)
    assert simulate_life(3, 1, now) != simulate_life(4, 1, now) != simulate_life(4, 2, now)


def test_lives_run_in_time_order_over_weeks_and_end_before_now(five_hundred: list[list[Act]], now: datetime) -> None:
    for acts in five_hundred:
        times = [act.at for act in acts]
        assert times == sorted(times)
        assert times
        assert now - timedelta(days=302) < times[0]
        assert times[-1] < now
    spans = sorted((acts[-1].at - acts[0].at).days for acts in five_hundred)
    assert spans[len(spans) // 10] > 20
    assert spans[len(spans) // 2] > 50


def test_everything_published_is_accepted_under_ids_of_its_own(pathways: list[Life]) -> None:
    seen = set()
    for each in (each for pathway in pathways for each in pathway):
        assert accept(each.event).payload == each.payload
        assert topic_of(each.source) == f"pathline.in.{each.org}"
        seen.add((each.source, each.id))
    assert len(seen) == sum(len(pathway) for pathway in pathways)


def test_every_word_of_every_desk_is_spoken(five_hundred: list[list[Act]]) -> None:
    spoken = {(act.org, act.visit.model_dump()["what"]) for acts in five_hundred for act in acts}
    words = {(org, word) for org, s in SERVICES.items() for word in get_args(s.VISIT.model_fields["what"].annotation)}
    assert spoken == words


def _told_again(pathway: Life) -> bool:
    asked = [
        (item, each.org)
        for each in pathway
        if isinstance(each.payload, EvidenceRequested)
        for item in each.payload.items
    ]
    return len(asked) > len({item for item, _ in asked})


def _offers(pathway: Life) -> dict[str, HandoffOffered]:
    return {each.payload.handoff: each.payload for each in pathway if isinstance(each.payload, HandoffOffered)}


def _late(pathway: Life) -> bool:
    offers = _offers(pathway)
    for each in pathway:
        if isinstance(each.payload, HandoffAccepted):
            due = offers[each.payload.handoff].due
            if due and due.accept and each.time > due.accept:
                return True
    return False


def _silent(pathway: Life, now: datetime) -> bool:
    answered = {e.payload.handoff for e in pathway if isinstance(e.payload, HandoffAccepted | HandoffDeclined)}
    return any(
        offer.to.org in SERVICES and offer.due and offer.due.accept and offer.due.accept < now
        for number, offer in _offers(pathway).items()
        if number not in answered
    )


def _has(pathway: Life, *activities: str) -> bool:
    return any(f"{each.payload.noun}.{each.payload.verb}" in activities for each in pathway)


def _contact(pathway: Life, kind: str) -> bool:
    return any(isinstance(each.payload, ContactMade) and each.payload.kind == kind for each in pathway)


def _value(pathway: Life, value: str) -> bool:
    return any(isinstance(each.payload, ExperienceShared) and each.payload.value == value for each in pathway)


def _unobservable(pathway: Life) -> bool:
    return any(offer.to.org not in SERVICES and offer.token_sha256 is None for offer in _offers(pathway).values())


def _dropped_out(pathway: Life) -> bool:
    lost = ("lost-contact", "cannot-contact")
    return any(getattr(each.payload, "reason", None) in lost for each in pathway)


PHENOMENA = {
    "told again": (_told_again, 0.30, 0.60),
    "chased": (lambda p: _contact(p, "chase"), 0.45, 0.75),
    "complained": (lambda p: _contact(p, "complain"), 0.05, 0.25),
    "handed off": (_offers, 0.70, 0.97),
    "accepted late": (_late, 0.08, 0.35),
    "declined": (lambda p: _has(p, "handoff.declined"), 0.02, 0.15),
    "unobservable": (_unobservable, 0.02, 0.15),
    "dropped out": (_dropped_out, 0.10, 0.40),
    "linked by the citizen": (lambda p: _has(p, "identity.linked"), 0.45, 0.75),
    "pulled": (lambda p: _has(p, "pull.requested"), 0.15, 0.45),
    "claimed": (lambda p: _has(p, "pull.claimed"), 0.08, 0.30),
    "contributed": (lambda p: _has(p, "coproduction.contributed", "coproduction.proposed"), 0.08, 0.30),
    "known by the day": (lambda p: any(each.payload.precision == "day" for each in p), 0.25, 0.60),
    "value confirmed": (lambda p: _value(p, "confirmed"), 0.15, 0.45),
    "value denied": (lambda p: _value(p, "denied"), 0.05, 0.25),
    "outcome reported": (lambda p: _has(p, "outcome.reported"), 0.30, 0.70),
}


@pytest.mark.parametrize("name", PHENOMENA)
def test_a_phenomenon_is_neither_absent_nor_the_rule(pathways: list[Life], name: str) -> None:
    occurs, least, most = PHENOMENA[name]
    share = sum(map(bool, map(occurs, pathways))) / len(pathways)
    assert least <= share <= most, share


def test_some_hand_offs_are_never_answered(pathways: list[Life], now: datetime) -> None:
    share = sum(_silent(pathway, now) for pathway in pathways) / len(pathways)
    assert 0.05 <= share <= 0.25, share


def test_a_town_is_told_stuck_hand_off_first_then_in_the_order_of_time_and_for_ever_without_repeats(
    now: datetime,
) -> None:
    once = list(simulate_acts(5, 12, now))
    shown = sum(map(len, stuck_acts(now)))
    for told in (once[:shown], once[shown:]):
        assert [act.at for act in told] == sorted(act.at for act in told)
    assert {act.visit.visit for act in once[:shown]} == {act.visit.visit for acts in stuck_acts(now) for act in acts}
    again = list(islice(simulate_acts(5, 12, now, forever=True), 2 * len(once)))
    assert again[: len(once)] == once
    assert len({act.visit.visit for act in again}) == len(again)


def test_the_stuck_hand_off_is_overdue_and_never_answered_though_money_help_publishes(now: datetime) -> None:
    stuck, neighbour = map(published, stuck_acts(now))
    where = stuck_handoff_ref()
    ((offer, payload),) = (
        (each, each.payload)
        for each in stuck
        if isinstance(each.payload, HandoffOffered) and each.payload.to.org != "food-bank"
    )
    assert (offer.org, offer.subject, payload.to.org) == (where["org"], where["subject"], "money-help")
    assert payload.due is not None
    due = payload.due.contact
    assert due is not None
    assert offer.time + timedelta(days=21) < now > due + timedelta(days=7)
    assert [each.payload.verb for each in stuck if getattr(each.payload, "handoff", "") == payload.handoff] == [
        "offered"
    ]
    assert any(each.org == "money-help" and each.time > due for each in neighbour)


def test_where_to_look_does_not_depend_on_the_day(now: datetime) -> None:
    for days in (0, 1, 40):
        stuck, _ = stuck_acts(now + timedelta(days=days))
        subjects = {each.subject for each in published(stuck) if each.org == "housing"}
        assert subjects == {stuck_handoff_ref()["subject"]}
