"""What a reader sees of a pathway, rule by rule."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller, Role
from pathline_gateway.auth.reader import reader_of
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from support.generators.pathways import (
    NOW,
    START,
    TOKEN,
    consent,
    ids,
    operator,
    organisation,
    pathway,
    person,
    ref,
    seen,
    step,
    subject,
)

REFS = [ref("clinic", age=1), ref("housing", age=2), ref("citizen", age=3)]
STEPS = [step("clinic", "c1", minute=1), step("housing", "h1", minute=2), step("citizen", "m1", minute=3)]
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
CONSENT = consent("citizen", "k1", holders=["clinic"], recipients=["housing"])


def offered(to: str = "housing", org: str = "clinic", minute: int = 10, released: bool = False, **more: Any) -> Step:
    return step(
        org, "offer", "handoff.offered", minute=minute, handoff=f"{org}:1", to={"org": to}, token_sha256=HASH,
        context_released=released, **more,
    )  # fmt: skip


def accepted(org: str = "housing", minute: int = 11, **more: Any) -> Step:
    return step(org, "accept", "handoff.accepted", minute=minute, handoff="clinic:1", token=TOKEN, **more)


def mandated(
    services: list[dict[str, str]], org: str = "citizen", minute: int = 5, agent: int = 9, **more: Any
) -> Step:
    data = {"mandate": "m", "agent": {"org": "citizen", "subject": subject(agent)}, "services": services} | more
    given: dict[str, Any] = {"powers": ["see"], **data}
    return step(org, "mandate", "mandate.given", minute=minute, **given)


def test_an_organisation_sees_its_own_part_whatever_else_there_is() -> None:
    assert ids(organisation("clinic"), pathway(REFS, STEPS)) == ["c1"]
    assert ids(organisation("clinic", purpose=None), pathway(REFS, STEPS, [CONSENT])) == ["c1"]


def test_an_organisation_that_knows_nobody_here_sees_that_there_is_nothing() -> None:
    assert seen(organisation("bank"), pathway(REFS, STEPS, [CONSENT])) is None


def test_a_consent_shows_what_it_names_for_its_purpose() -> None:
    known = pathway(REFS, STEPS, [CONSENT])
    assert ids(organisation("housing"), known) == ["c1", "h1"]
    assert ids(organisation("housing", "research"), known) == ["h1"]
    assert ids(organisation("housing", None), known) == ["h1"]
    assert ids(organisation("clinic"), known) == ["c1"]


@pytest.mark.parametrize(
    "other",
    [
        consent("citizen", "k", recipients=["bank"]),
        consent("citizen", "k", recipients=["housing"], holders=["bank"]),
        consent("citizen", "k", recipients=["housing"], nouns=["decision"]),
        consent("citizen", "k", recipients=["housing"], nouns=[]),
        consent("citizen", "k", recipients=["housing"], until=NOW),
        consent("citizen", "k", recipients=["housing"], minute=1_000_000),
    ],
    ids=["other recipient", "other holder", "other noun", "no noun", "ended", "not yet"],
)
def test_a_consent_shows_nothing_else(other: ConsentEvent) -> None:
    assert ids(organisation("housing"), pathway(REFS, STEPS, [other])) == ["h1"]


def test_a_consent_of_all_holders_shows_all() -> None:
    assert ids(organisation("housing"), pathway(REFS, STEPS, [consent("citizen", "k", recipients=["housing"])])) == [
        "c1",
        "h1",
        "m1",
    ]


def test_a_withdrawal_counts_at_once_and_a_new_consent_after_it() -> None:
    withdrawn = consent("citizen", "k2", given=False, minute=5, purpose=None, recipients=())
    again = consent("citizen", "k3", minute=6, recipients=["housing"])
    assert ids(organisation("housing"), pathway(REFS, STEPS, [CONSENT, withdrawn])) == ["h1"]
    assert ids(organisation("housing"), pathway(REFS, STEPS, [again, withdrawn, CONSENT])) == ["c1", "h1", "m1"]


def test_the_strictest_of_those_who_spoke_wins_while_they_are_one_person() -> None:
    ended = consent("clinic", "k9", recipients=["housing"], consent="c9", until=START + timedelta(days=1))
    assert ids(organisation("housing"), pathway(REFS, STEPS, [CONSENT, ended])) == ["h1"]
    elsewhere = consent("clinic", "k9", recipients=["bank"], consent="c9", until=START)
    assert ids(organisation("housing"), pathway(REFS, STEPS, [CONSENT, elsewhere])) == ["c1", "h1"]


def test_a_withdrawal_of_another_organisations_consent_is_a_word_against_it() -> None:
    theirs = consent("clinic", "k9", recipients=["housing"], consent="c9")
    hers = consent("citizen", "k2", given=False, recipients=["housing"], consent="clinic.c9")
    assert ids(organisation("housing"), pathway(REFS, STEPS, [theirs])) == ["c1", "h1"]
    assert ids(organisation("housing"), pathway(REFS, STEPS, [theirs, hers])) == ["h1"]


def test_both_sides_of_a_hand_off_see_its_steps() -> None:
    known = pathway(REFS, [*STEPS, offered(), accepted()])
    assert ids(organisation("housing"), known) == ["h1", "offer", "accept"]
    assert ids(organisation("clinic"), known) == ["c1", "offer", "accept"]
    assert ids(organisation("housing", None), known) == ["h1", "accept"]


def test_who_is_asked_sees_the_offer_until_it_is_redirected() -> None:
    redirected = step("housing", "on", "handoff.redirected", minute=12, handoff="clinic:1", to={"org": "bank"})
    assert ids(organisation("housing"), pathway(REFS, [*STEPS, offered()])) == ["h1", "offer"]
    assert ids(organisation("housing"), pathway(REFS, [*STEPS, offered(), redirected])) == ["h1", "on"]


def test_a_released_context_is_what_led_to_the_offer() -> None:
    late = step("clinic", "c2", minute=20)
    known = pathway(REFS, [*STEPS, offered(released=True), accepted(), late])
    assert ids(organisation("housing"), known) == ["c1", "h1", "offer", "accept"]


def test_a_receiver_cannot_release_to_itself_what_was_not_released() -> None:
    known = pathway(REFS, [*STEPS, offered(), accepted(context_released=True)])
    assert ids(organisation("housing"), known) == ["h1", "offer", "accept"]


def test_what_is_concealed_of_a_hand_off_moves_nothing_for_who_may_not_know_of_it() -> None:
    ended = step("citizen", "end", "handoff.cancelled", minute=12, handoff="clinic:1", safety="conceal")
    known = pathway(REFS, [*STEPS, offered(released=True), accepted(), ended])
    assert ids(organisation("housing"), known) == ["c1", "h1", "offer", "accept"]


def test_a_receiver_that_declined_sees_no_context() -> None:
    no = step("housing", "no", "handoff.declined", minute=12, handoff="clinic:1", token=TOKEN, reason="capacity")
    assert ids(organisation("housing"), pathway(REFS, [*STEPS, offered(released=True), no])) == ["h1", "offer", "no"]


def test_an_authority_shows_only_what_an_operator_entered_for_it() -> None:
    basis = LawfulBasis("housing", "law", "Housing Act s 7", "care", ("clinic",), ("activity",))
    known = pathway(REFS, STEPS, bases=[basis])
    relying = organisation("housing", authority='law; instrument="Housing Act s 7"')
    assert ids(relying, known) == ["c1", "h1"]
    assert ids(organisation("housing"), known) == ["h1"]
    assert ids(organisation("housing", authority="law; instrument=other"), known) == ["h1"]
    assert ids(organisation("housing", "debt", 'law; instrument="Housing Act s 7"'), known) == ["h1"]
    assert ids(relying, pathway(REFS, STEPS)) == ["h1"]


def test_a_citizen_sees_all_of_hers_but_what_is_concealed() -> None:
    hidden = step("clinic", "c2", minute=4, safety="conceal")
    assert ids(person(1), pathway(REFS, [*STEPS, hidden])) == ["c1", "h1", "m1"]
    assert seen(person(2), pathway(REFS, STEPS)) is None


def test_what_is_concealed_is_there_for_its_own_organisation_alone() -> None:
    everyone = consent("citizen", "k", recipients=["housing", "clinic", "refuge"])
    refs, steps = [*REFS, ref("refuge", age=0)], [*STEPS, step("refuge", "r1", minute=0)]
    for concealment in (Concealment(orgs={"refuge"}), Concealment(refs={("refuge", subject(1))})):
        known = pathway(refs, steps, [everyone], concealment=concealment)
        assert ids(organisation("refuge"), known) == ["r1", "c1", "h1", "m1"]
        for other in (organisation("housing"), person(1), operator()):
            assert ids(other, known) == ["c1", "h1", "m1"]
            found = seen(other, known)
            assert found is not None
            assert "refuge" not in {org for org, _ in found.subjects}
            assert ref("refuge").id not in found.refs


def test_a_concealed_service_is_concealed_and_its_organisation_is_not() -> None:
    steps = [*STEPS, step("clinic", "c2", minute=4, service="violence-support"), step("clinic", "c3", minute=5)]
    known = pathway(REFS, steps, concealment=Concealment(services={("clinic", "violence-support")}))
    assert ids(person(1), known) == ["c1", "h1", "m1", "c3"]
    assert ids(organisation("clinic"), known) == ["c1", "c2", "c3"]


def test_a_step_that_names_what_is_concealed_tells_of_it_and_is_concealed_too() -> None:
    known = pathway(REFS, [*STEPS, offered("refuge")], concealment=Concealment(orgs={"refuge"}))
    assert ids(person(1), known) == ["c1", "h1", "m1"]
    assert ids(organisation("clinic"), known) == ["c1", "offer"]


def test_an_operator_sees_everything_but_what_is_concealed() -> None:
    steps = [*STEPS, step("clinic", "c2", minute=4, safety="conceal")]
    assert ids(operator(), pathway(REFS, steps)) == ["c1", "h1", "m1"]


def test_a_helper_sees_the_services_of_her_mandate() -> None:
    helper = person(9, Role.HELPER)
    assert ids(helper, pathway(REFS, [*STEPS, mandated([{"org": "clinic"}])])) == ["c1"]
    assert ids(helper, pathway(REFS, [*STEPS, mandated([])])) == ["c1", "h1", "m1", "mandate"]
    assert seen(person(8, Role.HELPER), pathway(REFS, [*STEPS, mandated([])])) is None
    assert seen(person(9, Role.CITIZEN), pathway(REFS, [*STEPS, mandated([])])) is None


@pytest.mark.parametrize(
    "mandate",
    [
        mandated([], powers=["speak"]),
        mandated([], until="2026-05-31T00:00:00Z"),
        mandated([], minute=1_000_000),
    ],
    ids=["no power to see", "ended", "not yet"],
)
def test_a_mandate_that_does_not_hold_shows_nothing(mandate: Step) -> None:
    assert seen(person(9, Role.HELPER), pathway(REFS, [*STEPS, mandate])) is None


def test_a_mandate_that_was_withdrawn_shows_nothing_even_if_its_end_is_concealed() -> None:
    end = step("citizen", "end", "mandate.withdrawn", minute=6, mandate="m", safety="conceal")
    assert seen(person(9, Role.HELPER), pathway(REFS, [*STEPS, mandated([]), end])) is None


def test_a_mandate_shows_nothing_that_is_concealed() -> None:
    hidden = step("clinic", "c2", minute=4, safety="conceal")
    assert "c2" not in ids(person(9, Role.HELPER), pathway(REFS, [*STEPS, hidden, mandated([])]))


def test_a_mandate_and_its_end_are_shown_to_the_services_that_it_names() -> None:
    end = step("citizen", "end", "mandate.withdrawn", minute=6, mandate="m", safety="conceal")
    known = pathway(REFS, [*STEPS, mandated([{"org": "housing"}], safety="conceal"), end])
    assert ids(organisation("housing"), known) == ["h1", "mandate", "end"]
    assert ids(organisation("clinic"), known) == ["c1"]
    assert ids(person(1), known) == ["c1", "h1", "m1"]


def test_nobody_is_the_organisation_of_all_accounts_and_researchers_read_nobody() -> None:
    assert reader_of(Caller(frozenset((Role.PUBLISHER,)), org="citizen")) is None
    assert reader_of(Caller(frozenset((Role.RESEARCHER, Role.AUDITOR, Role.REVIEWER)))) is None
    assert AUTH_DISABLED_CALLER.auth_disabled


def test_a_pathway_bears_the_name_of_the_oldest_ref_by_which_its_reader_knows_it() -> None:
    known = pathway([*REFS, ref("housing", 2, age=0)], [*STEPS, step("housing", "h2", n=2)])
    found = seen(organisation("housing"), known)
    assert found is not None
    assert [anchor.subject for anchor in found.anchors] == [subject(2), subject(1)]
    assert found.subjects == [("housing", subject(1)), ("housing", subject(2))]
