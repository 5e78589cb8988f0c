"""Mistakes that publishers make, and where each is found."""

from __future__ import annotations

from typing import Any

from support.generators.payloads import nested

SUBJECT = "v1.EdPs5Uv4fhE4H4_Ov9htOQ"
REF = {"org": "even", "subject": SUBJECT}
LOOSE = SUBJECT[:-1] + "R"
"""Its last character sets bits beyond the 16th byte, so that it is no canonical spelling."""

NEED = {"need": "n1", "code": "income"}
OFFER = {"offer": "o1", "title": "Forklift course", "needs": []}
EXISTS = {"op": "exists", "fact": "income"}
COUNT = {"op": "count", "type": "service.delivered", "cmp": "ge", "value": 2}
ANSWER = {"pull": "p1", "answer": {"available": 0, "not": 1, "could_be": 0}}
UNMET = {"org": "even", "offer": "o1", "clause": "/of/2"}
HANDOFF = {"handoff": "a:1", "to": {"org": "b"}, "context_released": True}
LINK = {"same": [REF, {"org": "odd", "subject": SUBJECT}], "method": "review"}
VOID = {"source": "s", "id": "1", "reason": "other"}
FUTURE = {"appointment": "a1"}
CHANGE = {"kind": "income", "effective": "2026-01-31"}

MISTAKES: dict[str, tuple[str, Any, list[tuple[str, str]]]] = {
    "a payload that is no object": ("need.met", ["n1"], [("", "model_type")]),
    "a number in a string": ("contact.made", {"kind": "chase", "effort": [{"minutes": "5", "by": "staff"}]},
                             [("effort.0.minutes", "int_type")]),
    "a truth for a number": ("contact.made", {"kind": "chase", "effort": [{"minutes": True, "by": "staff"}]},
                             [("effort.0.minutes", "int_type")]),
    "time that ran backwards": ("contact.made", {"kind": "chase", "effort": [{"minutes": -1, "by": "staff"}]},
                                [("effort.0.minutes", "greater_than_equal")]),
    "a number that JavaScript rounds": ("offer.published", {**OFFER, "capacity": 2**53},
                                        [("capacity", "less_than_equal")]),
    "no room at all, and less": ("offer.published", {**OFFER, "capacity": -1}, [("capacity", "greater_than_equal")]),
    "less than nothing": ("service.delivered", {"quantity": -1}, [("quantity", "greater_than_equal")]),
    "a word for yes": ("contact.made", {"kind": "chase", "resolved": "yes"}, [("resolved", "bool_type")]),
    "a need that is no need": ("need.expressed", {**NEED, "code": "money"}, [("code", "literal_error")]),
    "a code with capitals": ("need.met", {"need": "n1", "service": "Food Bank"}, [("service", "code")]),
    "a code of 65 characters": ("need.met", {"need": "n1", "service": "a" * 65}, [("service", "code")]),
    "an empty id": ("need.met", {"need": ""}, [("need", "identifier")]),
    "an id of 201 characters": ("need.met", {"need": "n" * 201}, [("need", "identifier")]),
    "an id with a line break": ("need.met", {"need": "n\n"}, [("need", "identifier")]),
    "an empty text": ("experience.shared", {"value": "denied", "text": ""}, [("text", "text")]),
    "a text of 2,001 characters": ("experience.shared", {"value": "denied", "text": "a" * 2001}, [("text", "text")]),
    "a text with a null character": ("experience.shared", {"value": "denied", "text": "a\0"}, [("text", "text")]),
    "an activity of 201 characters": ("activity.recorded", {"activity": "a" * 201}, [("activity", "activity")]),
    "a burden of 0": ("experience.shared", {"value": "denied", "burden": {"learning": 0}},
                      [("burden.learning", "greater_than_equal")]),
    "a burden of 6": ("experience.shared", {"value": "denied", "burden": {"learning": 6}},
                      [("burden.learning", "less_than_equal")]),
    "a hundred and one items": ("evidence.requested", {"items": ["other"] * 101}, [("items", "too_long")]),
    "a law that is not named": ("need.met", {"need": "n1", "authority": {"basis": "law"}},
                                [("authority", "instrument_required")]),
    "a subject with padding": ("need.met", {"need": "n1", "on_behalf": {"subject": SUBJECT + "==", "role": "child"}},
                               [("on_behalf.subject", "subject")]),
    "a subject of epoch 0": ("need.met", {"need": "n1", "on_behalf": {"subject": "v0" + SUBJECT[2:], "role": "child"}},
                             [("on_behalf.subject", "subject")]),
    "a subject with loose bits": ("need.met", {"need": "n1", "about": [{"subject": LOOSE, "role": "child"}]},
                                  [("about.0.subject", "subject")]),
    "a hand-off of nobody": ("handoff.seen", {"handoff": "42"}, [("handoff", "handoff_id")]),
    "a hand-off id with a space": ("handoff.seen", {"handoff": "a:4 2"}, [("handoff", "handoff_id")]),
    "a token of 21 characters": ("handoff.accepted", {"handoff": "a:1", "token": "a" * 21}, [("token", "token")]),
    "a token of 201 characters": ("handoff.accepted", {"handoff": "a:1", "token": "a" * 201}, [("token", "token")]),
    "a hash in capitals": ("handoff.offered", {**HANDOFF, "token_sha256": "A" * 64}, [("token_sha256", "token_hash")]),
    "an instant without an offset": ("appointment.booked", {**FUTURE, "start": "2026-01-31T09:00:00"},
                                     [("start", "instant")]),
    "an instant in seconds": ("appointment.booked", {**FUTURE, "start": 1769817600}, [("start", "instant")]),
    "seconds in a string": ("appointment.booked", {**FUTURE, "start": "1769817600"}, [("start", "instant")]),
    "a day for an instant": ("appointment.booked", {**FUTURE, "start": "2026-01-31"}, [("start", "instant")]),
    "an instant with a space": ("appointment.booked", {**FUTURE, "start": "2026-01-31 09:00:00Z"},
                                [("start", "instant")]),
    "an instant without seconds": ("appointment.booked", {**FUTURE, "start": "2026-01-31T09:00Z"},
                                   [("start", "instant")]),
    "an instant on no calendar": ("appointment.booked", {**FUTURE, "start": "2026-02-30T09:00:00Z"},
                                  [("start", "instant")]),
    "an instant before the year 1 of UTC": ("appointment.booked", {**FUTURE, "start": "0001-01-01T00:00:00+14:00"},
                                            [("start", "instant")]),
    "an instant after the year 9999 of UTC": ("appointment.booked", {**FUTURE, "start": "9999-12-31T23:59:59-00:01"},
                                              [("start", "instant")]),
    "an instant for a day": ("circumstance.changed", {**CHANGE, "effective": "2026-01-31T00:00:00Z"},
                             [("effective", "date")]),
    "a day in seconds": ("circumstance.changed", {**CHANGE, "effective": 1769817600}, [("effective", "date")]),
    "a short day": ("circumstance.changed", {**CHANGE, "effective": "2026-1-31"}, [("effective", "date")]),
    "a fraction for a fact": ("circumstance.changed", {**CHANGE, "facts": {"income": 1.5}},
                              [("facts.income", "scalar")]),
    "a window with one side": ("circumstance.changed", {**CHANGE, "complete": {"from": "2026-01-01"}},
                               [("complete.until", "missing")]),
    "a window as Python names it": ("circumstance.changed",
                                    {**CHANGE, "complete": {"from_": "2026-01-01", "until": "2026-01-02"}},
                                    [("complete.from", "missing"), ("complete.from_", "extra_forbidden")]),
    "a duration of nothing": ("offer.published", {**OFFER, "processing_time": "P"}, [("processing_time", "duration")]),
    "a duration that stops at T": ("offer.published", {**OFFER, "processing_time": "P1DT"},
                                   [("processing_time", "duration")]),
    "a duration in words": ("offer.published", {**OFFER, "processing_time": "2 days"},
                            [("processing_time", "duration")]),
    "a link of one": ("identity.linked", {**LINK, "same": [REF]}, [("same", "too_short")]),
    "a link of three": ("identity.linked", {**LINK, "same": [*LINK["same"], {"org": "c", "subject": SUBJECT}]},
                        [("same", "too_long")]),
    "a link with itself": ("identity.linked", {**LINK, "same": [REF, REF]}, [("same", "same_ref_twice")]),
    "a person unlike herself": ("identity.distinguished", {"different": [REF, REF]}, [("different", "same_ref_twice")]),
    "more than certain": ("identity.linked", {**LINK, "confidence": 1.01}, [("confidence", "less_than_equal")]),
    "an unknown op": ("offer.published", {**OFFER, "eligibility": {"op": "xor"}}, [("eligibility", "op")]),
    "no op": ("offer.published", {**OFFER, "eligibility": {"of": []}}, [("eligibility", "op")]),
    "all of nothing": ("offer.published", {**OFFER, "eligibility": {"op": "all", "of": []}},
                       [("eligibility.all.of", "too_short")]),
    "one of one": ("offer.published",
                   {**OFFER, "eligibility": {"op": "compare", "fact": "age", "cmp": "in", "value": 5}},
                   [("eligibility.compare", "value_mismatch")]),
    "equal to many": ("offer.published",
                      {**OFFER, "eligibility": {"op": "compare", "fact": "age", "cmp": "eq", "value": [5]}},
                      [("eligibility.compare", "value_mismatch")]),
    "a step of no noun": ("offer.published", {**OFFER, "eligibility": {"op": "occurred", "type": "delivered"}},
                          [("eligibility.occurred.type", "noun_verb")]),
    "a condition 33 deep": ("offer.published", {**OFFER, "eligibility": nested(33)}, [("eligibility", "too_deep")]),
    "65 questions": ("offer.published", {**OFFER, "eligibility": {"op": "any", "of": [EXISTS] * 65}},
                     [("eligibility", "too_many_leaves")]),
    "a rule over a step that there is not": (
        "offer.published", {**OFFER, "eligibility": {"op": "occurred", "type": "service.begun"}},
        [("eligibility", "unknown_step_type")]),
    "a rule over what is no step": (
        "offer.withdrawn", {"offer": "o1", "eligibility": {"op": "not", "of": {**COUNT, "type": "consent.given"}}},
        [("eligibility", "unknown_step_type")]),
    "a rule over pulls": ("offer.published", {**OFFER, "eligibility": {"op": "all", "of": [
        EXISTS, {**COUNT, "type": "pull.claimed"}]}}, [("eligibility", "pull_in_rule")]),
    "a sensitive fact without a name": ("offer.published", {**OFFER, "sensitive": [""]},
                                        [("sensitive.0", "identifier")]),
    "an unmet condition in words": ("pull.answered", {**ANSWER, "unmet": [{**UNMET, "clause": "the second"}]},
                                    [("unmet.0.clause", "clause")]),
    "101 unmet conditions": ("pull.answered", {**ANSWER, "unmet": [UNMET] * 101}, [("unmet", "too_long")]),
    "an infinite correction": ("interaction.corrected",
                               {**VOID, "replacement": {"data": {"a": float("inf")}}},
                               [("replacement.data", "not_finite")]),
    "a correction that no double holds": ("interaction.corrected", {**VOID, "replacement": {"data": {"a": 10**400}}},
                                          [("replacement.data", "not_finite")]),
}  # fmt: skip
"""By what was done: the type, the data, and the path and stable type of each error."""
