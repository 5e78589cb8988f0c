"""The oracle's facts, by worked examples: what a person who knows the rules finds with a pencil."""

from __future__ import annotations

from typing import Any

from gateway.offers.worked_steps import NOW, SYDNEY, ZONE, Step, changed, decision, declared, stated, step
from support.oracles.facts_oracle import facts_of


def fact(steps: list[Step], name: str) -> dict[str, Any]:
    """The one fact of this name."""
    (found,) = [fact for fact in facts_of(steps, NOW, ZONE) if fact["fact"] == name]
    return found


def said(steps: list[Step], name: str) -> tuple[Any, str, str | None, list[str]]:
    """The value that is known, since when, until when, and the ids that prove it."""
    found = fact(steps, name)
    assert found["state"] == "known"
    ids = [proof["id"] for value in found["values"] for proof in value["proof"]]
    return found["values"][0]["value"], found["since"], found["until"], ids


def names(steps: list[Step]) -> list[str]:
    """Which facts there are."""
    return [fact["fact"] for fact in facts_of(steps, NOW, ZONE)]


def test_a_stated_fact_is_served_with_who_said_it_and_where() -> None:
    assert fact([stated("2026-05-01", "school", id="a", children=2)], "children") == {
        "fact": "children",
        "state": "known",
        "values": [{"value": 2, "by": "school", "proof": [{"source": "urn:pathline:school:case", "id": "a"}]}],
        "since": "2026-05-01",
        "until": None,
    }


def test_facts_are_sorted_by_name() -> None:
    assert names([stated("2026-05-01", rent=3, age=2, work=True)]) == ["age", "circumstance.other", "rent", "work"]


def test_the_greatest_effective_date_is_in_force_whoever_spoke_last() -> None:
    later_date = stated("2026-05-02", "school", time="2026-05-02", id="a", children=3)
    told_later = stated("2026-05-01", "clinic", time="2026-06-01", children=2)
    assert said([later_date, told_later], "children") == (3, "2026-05-02", None, ["a"])


def test_a_statement_for_tomorrow_is_not_in_force_today() -> None:
    steps = [stated("2026-05-01", id="a", rent=300), stated("2026-06-16", rent=350)]
    assert said(steps, "rent") == (300, "2026-05-01", None, ["a"])


def test_what_is_only_stated_for_tomorrow_is_absent() -> None:
    assert "rent" not in names([stated("2026-06-16", rent=350)])


def test_today_is_the_date_in_the_zone_of_the_gateway() -> None:
    steps = [stated("2026-06-16", rent=350)]
    evening = NOW.replace(hour=20)
    assert facts_of(steps, evening, ZONE) == []
    assert [fact["fact"] for fact in facts_of(steps, evening, SYDNEY)] == ["circumstance.other", "rent"]


def test_two_organisations_that_differ_on_one_date_are_a_conflict_and_both_are_shown() -> None:
    steps = [stated("2026-05-01", "school", children=2), stated("2026-05-01", "clinic", children=3)]
    found = fact(steps, "children")
    assert (found["state"], [(value["value"], value["by"]) for value in found["values"]]) == (
        "conflict",
        [(2, "school"), (3, "clinic")],
    )


def test_true_and_one_are_a_conflict() -> None:
    assert (
        fact([stated("2026-05-01", "school", x=True), stated("2026-05-01", "clinic", x=1)], "x")["state"] == "conflict"
    )


def test_two_organisations_that_agree_both_prove_it() -> None:
    steps = [stated("2026-05-01", "school", id="a", children=2), stated("2026-05-01", "clinic", id="b", children=2)]
    assert said(steps, "children") == (2, "2026-05-01", None, ["a", "b"])


def test_of_one_organisation_only_its_last_word_for_a_date_counts() -> None:
    steps = [stated("2026-05-01", children=2), stated("2026-05-01", id="b", children=3)]
    assert said(steps, "children") == (3, "2026-05-01", None, ["b"])


def test_a_derived_name_that_somebody_states_proves_nothing() -> None:
    derived = ("need.food", "decision.rent-help", "service.meals", "evidence.court-order", "circumstance.birth")
    claims: dict[str, Any] = dict.fromkeys(derived, True)
    assert names([stated("2026-05-01", **claims)]) == ["circumstance.other"]


def test_what_is_done_for_somebody_else_says_nothing_of_her() -> None:
    his = {"subject": "v1.x", "role": "deceased"}
    steps = [
        changed("death", "2026-02-07", on_behalf=his, facts={"children": 1}),
        decision("made", "2026-03-01", result="granted", output="pension", on_behalf=his),
        step("need.expressed", "2026-03-01", need="n", code="income", on_behalf=his),
    ]
    assert names(steps) == []


def test_what_is_later_than_the_instant_takes_no_part() -> None:
    assert names([step("evidence.provided", "2026-06-15T10:00:01Z", items=["court-order"])]) == []
    assert names([step("evidence.provided", "2026-06-15T20:00:00+10:00", items=["court-order"])]) != []


def test_a_declaration_states_its_facts_and_is_no_change() -> None:
    assert names([declared("birth", "2026-01-01", "2026-06-15", facts={"children": 0})]) == ["children"]


def test_a_need_is_true_while_it_is_open_and_then_false() -> None:
    opened = step("need.expressed", "2026-03-01", id="a", need="n", code="food")
    again = step("need.identified", "2026-03-05", need="n", code="food")
    met = step("need.met", "2026-04-01", id="b", need="n")
    assert said([opened, again], "need.food") == (True, "2026-03-01", None, ["a"])
    assert said([opened, again, met], "need.food") == (False, "2026-04-01", None, ["b"])


def test_a_need_is_true_while_any_of_its_code_is_open() -> None:
    steps = [
        step("need.expressed", "2026-03-01", need="n1", code="food"),
        step("need.expressed", "2026-03-02", id="b", need="n2", code="food"),
        step("need.expressed", "2026-03-03", "other-agency", need="n1", code="food"),
        step("need.withdrawn", "2026-03-04", need="n1"),
    ]
    assert said(steps, "need.food") == (True, "2026-03-02", None, ["b"])


def test_a_need_is_false_since_the_last_of_its_code_was_closed() -> None:
    steps = [
        step("need.expressed", "2026-03-01", need="n1", code="food"),
        step("need.expressed", "2026-03-02", need="n2", code="food"),
        step("need.met", "2026-03-03", need="n2", code="income"),
        step("need.met", "2026-03-04", id="b", need="n1"),
        step("need.withdrawn", "2026-03-05", need="n1"),
        step("need.changed", "2026-03-06", need="n1", code="food", urgency="routine"),
    ]
    assert said(steps, "need.food") == (False, "2026-03-04", None, ["b"])
    second_later = [steps[0], steps[1], steps[3], step("need.met", "2026-03-09", id="c", need="n2")]
    assert said(second_later, "need.food") == (False, "2026-03-09", None, ["c"])
    assert names(steps) == ["need.food"]


def test_another_organisation_does_not_meet_a_need_by_using_its_id() -> None:
    steps = [
        step("need.expressed", "2026-03-01", id="a", need="n", code="food"),
        step("need.met", "2026-04-01", "charity", need="n"),
    ]
    assert said(steps, "need.food")[0] is True


def test_a_changed_need_closes_the_one_and_opens_the_other() -> None:
    steps = [
        step("need.expressed", "2026-03-01", need="n", code="food"),
        step("need.changed", "2026-03-02", id="b", need="n", code="income", urgency="urgent"),
        step("need.changed", "2026-03-03", need="n", urgency="routine"),
    ]
    assert said(steps, "need.food") == (False, "2026-03-02", None, ["b"])
    assert said(steps, "need.income") == (True, "2026-03-02", None, ["b"])


GRANTED = {"result": "granted", "output": "rent-help"}


def test_a_grant_holds_from_its_effective_date_through_its_last_day() -> None:
    grant = decision("made", "2026-03-01", "a", **GRANTED, effective="2026-02-01", valid_until="2026-06-15")
    assert said([grant], "decision.rent-help") == (True, "2026-02-01", "2026-06-15", ["a"])
    over = decision("made", "2026-03-01", "a", **GRANTED, valid_until="2026-06-14")
    assert said([over], "decision.rent-help") == (False, "2026-06-15", None, ["a"])


def test_a_grant_that_has_not_begun_says_nothing_yet() -> None:
    assert names([decision("made", "2026-03-01", **GRANTED, effective="2026-07-01")]) == []


def test_an_end_without_an_output_ends_what_its_decision_granted_from_its_effective_date() -> None:
    grant = decision("made", "2026-03-01", "a", **GRANTED)
    assert said([grant, decision("ended", "2026-05-01", effective="2026-06-16")], "decision.rent-help")[0] is True
    assert said([grant, decision("ended", "2026-05-01", "b", effective="2026-06-15")], "decision.rent-help") == (
        False,
        "2026-06-15",
        None,
        ["b"],
    )


def test_the_last_grant_of_a_decision_has_its_own_validity() -> None:
    first = decision("made", "2026-03-01", **GRANTED, valid_until="2026-04-30")
    assert said([first, decision("made", "2026-04-20", "b", **GRANTED)], "decision.rent-help") == (
        True,
        "2026-04-20",
        None,
        ["b"],
    )


def test_an_end_that_names_one_output_leaves_the_other() -> None:
    steps = [
        decision("made", "2026-03-01", **GRANTED),
        decision("made", "2026-03-01", result="granted", output="advance"),
        decision("ended", "2026-04-01", output="advance"),
    ]
    assert (said(steps, "decision.rent-help")[0], said(steps, "decision.advance")[0]) == (True, False)


def test_a_refusal_is_false_at_once() -> None:
    refusal = decision("made", "2026-03-01", "a", result="refused", output="rent-help", effective="2026-09-01")
    assert said([refusal], "decision.rent-help") == (False, "2026-03-01", None, ["a"])


def test_a_refusal_is_false_a_deferral_says_nothing() -> None:
    refusal = decision("made", "2026-03-01", "a", result="refused", output="rent-help")
    deferral = decision("made", "2026-03-02", result="deferred", output="rent-help")
    assert said([refusal, deferral], "decision.rent-help") == (False, "2026-03-01", None, ["a"])
    assert names([deferral]) == []


def test_a_grant_that_is_set_aside_is_false_and_a_refusal_that_is_says_nothing() -> None:
    aside = decision("reviewed", "2026-05-01", "b", review="set-aside")
    upheld = decision("reviewed", "2026-05-02", review="upheld")
    grant = decision("made", "2026-03-01", **GRANTED)
    assert said([grant, aside, upheld], "decision.rent-help") == (False, "2026-05-01", None, ["b"])
    assert names([decision("made", "2026-03-01", result="refused", output="rent-help"), aside]) == []


def test_a_varied_validity_is_in_force_and_the_step_that_varied_it_is_the_proof() -> None:
    grant = decision("made", "2026-03-01", **GRANTED, valid_until="2026-04-30")
    longer = decision("varied", "2026-04-20", "b", valid_until="2026-12-31")
    assert said([grant, longer], "decision.rent-help") == (True, "2026-03-01", "2026-12-31", ["b"])


def test_a_decision_is_true_while_one_of_several_is() -> None:
    steps = [
        decision("made", "2026-03-01", "a", **GRANTED),
        decision("made", "2026-04-01", decision="d2", result="refused", output="rent-help"),
        decision("made", "2026-04-01", org="council", result="refused", output="rent-help"),
    ]
    assert said(steps, "decision.rent-help") == (True, "2026-03-01", None, ["a"])


def test_a_service_is_true_from_its_start_until_its_end_of_each_organisation() -> None:
    start = step("service.started", "2026-03-01", id="a", service="meals")
    end = step("service.ended", "2026-04-01", id="b", service="meals", reason="moved")
    elsewhere = step("service.started", "2026-05-01", "charity", id="c", service="meals")
    again = step("service.started", "2026-03-02", service="meals")
    assert said([start, again], "service.meals") == (True, "2026-03-01", None, ["a"])
    assert said([start, end], "service.meals") == (False, "2026-04-01", None, ["b"])
    assert said([start, end, elsewhere], "service.meals") == (True, "2026-05-01", None, ["c"])


def test_evidence_is_true_once_it_is_provided() -> None:
    steps = [
        step("evidence.requested", "2026-02-01", items=["court-order", "rent-ledger"]),
        step("evidence.provided", "2026-03-01", id="a", items=["court-order"]),
        step("evidence.provided", "2026-04-01", items=["court-order"]),
    ]
    assert said(steps, "evidence.court-order") == (True, "2026-03-01", None, ["a"])
    assert names(steps) == ["evidence.court-order"]


def test_a_circumstance_is_its_latest_date_that_has_come() -> None:
    steps = [
        changed("move", "2026-03-01", id="a"),
        changed("move", "2026-01-01", time="2026-05-01"),
        changed("move", "2026-07-01", time="2026-05-01"),
    ]
    assert said(steps, "circumstance.move") == ("2026-03-01", "2026-03-01", None, ["a"])
