"""What decisions say: `decision.<output>` is true while a grant of it holds, by whomever. Pure.

Of each decision of an organisation the last step decides that says anything. A deferral does not, nor does a refusal
that was set aside. A grant, its variation and its end say something from their `effective`, other steps at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta, tzinfo
from typing import Literal, NamedTuple

from pathline_gateway.offers.facts import Fact, Proven, step_date, true_while_one_is
from pathline_gateway.offers.occurrences import OwnStep


class _Word(NamedTuple):
    """What one step says of a decision, and from when."""

    says: Literal["granted", "varied", "refused", "ended"]
    own: OwnStep
    since: date


def fold_decisions(own_steps: Iterable[OwnStep], today: date, zone: tzinfo) -> Iterator[Fact]:
    """The facts, of steps in pathway order."""
    by_decision: defaultdict[tuple[str, str], list[OwnStep]] = defaultdict(list)
    for each in own_steps:
        if each.type.startswith("decision."):
            by_decision[each.step.org, each.data.get("decision", "")].append(each)
    by_output: defaultdict[str, list[Proven]] = defaultdict(list)
    for steps in by_decision.values():
        for output in dict.fromkeys(each.data.get("output") for each in steps):
            # A step that names no output means that of its decision.
            said = _decide([each for each in steps if each.data.get("output") in (output, None)], today, zone)
            if output and said is not None:
                by_output[output].append(said)
    for output, proven in by_output.items():
        yield true_while_one_is(proven).to_fact(f"decision.{output}")


def _decide(steps: Iterable[OwnStep], today: date, zone: tzinfo) -> Proven | None:
    """What the steps of one decision come to today."""
    words: list[_Word] = []
    for each in steps:
        _add_word(words, each, today, zone)
    decisive = next((n for n in reversed(range(len(words))) if words[n].says != "varied"), None)
    if decisive is None:
        return None
    says, own, since = words[decisive]
    if says != "granted":
        return Proven(False, own, since)
    for limiting in reversed(words[decisive:]):
        last_day = limiting.own.day("valid_until")
        if last_day is None:
            continue
        if last_day >= today:
            return Proven(True, limiting.own, since, last_day)
        return Proven(False, limiting.own, last_day + timedelta(days=1))
    return Proven(True, own, since)


def _add_word(words: list[_Word], own: OwnStep, today: date, zone: tzinfo) -> None:
    effective = own.day("effective")
    has_come = effective is None or effective <= today
    since = effective if effective is not None and has_come else step_date(own, zone)
    match own.type, own.data.get("result"), own.data.get("review"):
        case "decision.made", "granted", _ if has_come:
            words.append(_Word("granted", own, since))
        case "decision.made", "refused", _:
            words.append(_Word("refused", own, since))
        case "decision.varied", _, _ if has_come:
            words.append(_Word("varied", own, since))
        case "decision.ended", _, _ if has_come:
            words.append(_Word("ended", own, since))
        case "decision.reviewed", _, "set-aside":
            made = next((each for each in reversed(words) if each.says in ("granted", "refused")), None)
            if made is not None and made.says == "refused":
                words.remove(made)
            elif made is not None:
                words.append(_Word("ended", own, since))
