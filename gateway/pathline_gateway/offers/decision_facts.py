"""What decisions say: `decision.<output>` is true while a grant of it holds, by whomever. Pure.

Of each decision of an organisation the last step decides, among those whose `effective` has come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from typing import Literal

from pathline_gateway.offers.facts import Fact, Proven, step_date
from pathline_gateway.offers.occurrences import OwnStep


@dataclass(frozen=True, slots=True)
class _DecisionState:
    """How one decision stands."""

    is_now: Literal["granted", "refused", "ended", "silent"]
    """`silent`: deferred, or a refusal that was set aside. It says nothing of the person."""
    own: OwnStep
    since: date
    output: str | None
    valid_until: date | None = None
    limited_by: OwnStep | None = None
    """The step that says until when."""

    def says(self, today: date) -> Proven | None:
        """What it says of its output today."""
        match self.is_now:
            case "silent":
                return None
            case "refused" | "ended":
                return Proven(False, self.own, self.since)
        proof = self.limited_by or self.own
        if self.valid_until is None or self.valid_until >= today:
            return Proven(True, proof, self.since, self.valid_until)
        return Proven(False, proof, self.valid_until + timedelta(days=1))


def fold_decisions(own_steps: Iterable[OwnStep], today: date, zone: tzinfo) -> Iterator[Fact]:
    """The facts, of steps in pathway order."""
    states: dict[tuple[str, str], _DecisionState] = {}
    for each in own_steps:
        noun, _, verb = each.type.partition(".")
        effective = each.day("effective")
        if noun != "decision" or (effective is not None and effective > today):
            continue
        key = (each.step.org, each.data.get("decision", ""))
        state = _next_state(states.get(key), each, verb, effective or step_date(each, zone))
        if state is not None:
            states[key] = state
    by_output: defaultdict[str, list[Proven]] = defaultdict(list)
    for state in states.values():
        said = state.says(today)
        if said is not None and state.output:
            by_output[state.output].append(said)
    for output, proven in by_output.items():
        yield _join(proven).to_fact(f"decision.{output}")


def _next_state(state: _DecisionState | None, own: OwnStep, verb: str, since: date) -> _DecisionState | None:
    output = own.data.get("output") or (state.output if state else None)
    valid_until = own.day("valid_until")
    match verb, own.data.get("result"), own.data.get("review"):
        case "made", "granted", _:
            return _DecisionState("granted", own, since, output, valid_until, own if valid_until else None)
        case "made", "refused", _:
            return _DecisionState("refused", own, since, output)
        case "made", _, _:
            return _DecisionState("silent", own, since, output)
        case "ended", _, _:
            return _DecisionState("ended", own, since, output)
        case "varied", _, _ if state and state.is_now == "granted" and valid_until:
            return replace(state, valid_until=valid_until, limited_by=own)
        case "reviewed", _, "set-aside" if state and state.is_now == "granted":
            return _DecisionState("ended", own, since, state.output)
        case "reviewed", _, "set-aside" if state and state.is_now == "refused":
            return _DecisionState("silent", own, since, state.output)
    return state


def _join(proven: list[Proven]) -> Proven:
    """What several decisions come to: true while one is, and since the first of those; false since the last end."""
    grants = sorted((each for each in proven if each.value), key=lambda each: (each.since, each.own.step.sort_key))
    if not grants:
        return max(proven, key=lambda each: (each.since, each.own.step.sort_key))
    longest = max(grants, key=lambda each: each.until or date.max)  # of equals the first
    return longest._replace(since=grants[0].since)
