"""What one leaf of a rule is of a pathway, by an oracle: its truth, and what shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from support.oracles.facts_oracle import Fact
from support.oracles.oracle_times import (
    Step,
    day,
    first_date,
    instant,
    interval_end,
    is_declaration,
    noun_verb,
    reference,
    same_field,
    same_scalar,
    taking_part,
    today,
    whole_years,
    window_start,
)

Truth = bool | None
"""True, false, or None: unknown."""

Node = Mapping[str, Any]
"""A rule or a part of one, as published."""

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: bool(one == other),
    "ne": lambda one, other: bool(one != other),
    "lt": lambda one, other: bool(one < other),
    "le": lambda one, other: bool(one <= other),
    "gt": lambda one, other: bool(one > other),
    "ge": lambda one, other: bool(one >= other),
}
"""Python orders texts by code point, as the rules do."""

PROVING_STEPS = 20
"""How many of the steps that occurred are named."""


@dataclass(frozen=True)
class Finding:
    """The truth of a leaf, and with what: the value, since when, the organisations that say so, the steps."""

    truth: Truth
    is_: Any
    since: str | None
    by: list[str]
    proof: list[dict[str, str]]


def finding_of(leaf: Node, steps: Sequence[Step], facts: Sequence[Fact], now: datetime, zone: ZoneInfo) -> Finding:
    """What the leaf is of her at the instant."""
    if leaf["op"] in ("occurred", "count"):
        return _of_steps(leaf, taking_part(steps, now), now, zone)
    named = [fact for fact in facts if fact["fact"] == leaf["fact"]]
    # A fact that nobody stated is neither false nor zero.
    if not named:
        return Finding(None, None, None, [], [])
    fact = named[0]
    values = [entry["value"] for entry in fact["values"]]
    by = list(dict.fromkeys(entry["by"] for entry in fact["values"]))
    proof = [step for entry in fact["values"] for step in entry["proof"]]
    if fact["state"] == "conflict":
        different: list[Any] = []
        for value in values:
            if not any(same_scalar(value, other) for other in different):
                different.append(value)
        # Of a conflict it is known only that there is something.
        return Finding(True if leaf["op"] == "exists" else None, different, fact["since"], by, proof)
    is_ = age_of(values[0], today(now, zone)) if leaf["op"] == "age" else values[0]
    return Finding(truth_of_value(leaf, values[0], today(now, zone)), is_, fact["since"], by, proof)


def truth_of_value(leaf: Node, value: Any, on: date) -> Truth:
    """The truth of a leaf on a fact that is known to have this value."""
    match leaf["op"]:
        case "exists":
            return True
        case "age":
            years = age_of(value, on)
            return None if years is None else COMPARE[leaf["cmp"]](years, leaf["value"])
        case _ if leaf["cmp"] == "in":
            # Any of several equalities; of nothing, false.
            each = [_compared("eq", value, wanted) for wanted in leaf["value"]]
            return True if True in each else None if None in each else False
        case _:
            return _compared(leaf["cmp"], value, leaf["value"])


def _compared(cmp: str, value: Any, wanted: Any) -> Truth:
    # Another type compares neither so nor otherwise.
    if type(value) is not type(wanted):
        return None
    # There is no order of true and false.
    if isinstance(value, bool) and cmp not in ("eq", "ne"):
        return None
    return COMPARE[cmp](value, wanted)


def age_of(value: Any, on: date) -> int | None:
    """Whole years since the date; None where it is none, is not written as one, or has yet to come."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        birth = date.fromisoformat(value)
    except ValueError:
        return None
    return whole_years(birth, on) if birth <= on else None


def kind_of(leaf: Node) -> str | None:
    """The kind of circumstance that the leaf asks for. Of that, and of nothing else, all may be known."""
    kind = (leaf.get("where") or {}).get("kind")
    return kind if leaf["type"] == "circumstance.changed" and isinstance(kind, str) else None


def truth_of_count(leaf: Node, number: int, complete: bool) -> Truth:
    """The truth of a leaf when so many steps are found, and there are no more or there may be."""
    # That a step occurred is that there is one or more of them.
    cmp, value = ("ge", 1) if leaf["op"] == "occurred" else (leaf["cmp"], leaf["value"])
    if complete:
        return COMPARE[cmp](number, value)
    if cmp in ("ge", "gt"):
        # So many suffice; that there are fewer is never known.
        return True if COMPARE[cmp](number, value) else None
    if cmp in ("lt", "le"):
        # Already too many: more would not help.
        return None if COMPARE[cmp](number, value) else False
    # Past the number already: it is not that number, and will not be.
    if number > value:
        return cmp == "ne"
    return None


def _of_steps(leaf: Node, steps: Sequence[Step], now: datetime, zone: ZoneInfo) -> Finding:
    start = window_start(leaf.get("within"), now, zone)
    such = [step for step in steps if _is_such(leaf, step)]
    # In the window is what is after its beginning; nothing later than now takes part.
    found = [step for step in such if start is None or instant(step) > start]
    # A day or a month that began before the window may have happened within it: then there may be more.
    reaching = [step for step in such if start is not None and instant(step) <= start < interval_end(step)]
    declaring = [] if reaching else _declarations(leaf, steps, start, now, zone)
    truth = truth_of_count(leaf, len(found), complete=bool(declaring))
    needed = declaring[:1] if truth is not truth_of_count(leaf, len(found), complete=False) else []
    # Named are the first steps, and the declaration only where there would be no answer without it.
    proving = [*found[:PROVING_STEPS], *needed]
    by = list(dict.fromkeys(step["org"] for step in proving))
    since = day(proving[0], zone) if proving else None
    return Finding(truth, len(found), since, by, [reference(step) for step in proving])


def _is_such(leaf: Node, step: Step) -> bool:
    """Whether the step is of the type and as `where` asks. A declaration is no change."""
    if noun_verb(step) != leaf["type"] or is_declaration(step):
        return False
    # The fields as published; what the step itself does not say is not there.
    where: Mapping[str, Any] = leaf.get("where") or {}
    return all(field in step["data"] and same_field(step["data"][field], asked) for field, asked in where.items())


def _declarations(
    leaf: Node, steps: Sequence[Step], start: datetime | None, now: datetime, zone: ZoneInfo
) -> list[Step]:
    """The declarations that cover, each alone, every date of the window of a leaf that asks for their kind."""
    kind, first, last = kind_of(leaf), first_date(start, zone), today(now.astimezone(UTC), zone).isoformat()
    return [
        step
        for step in steps
        if kind is not None
        and is_declaration(step)
        and step["data"]["kind"] == kind
        and step["data"]["complete"]["from"] <= first
        and step["data"]["complete"]["until"] >= last
    ]
