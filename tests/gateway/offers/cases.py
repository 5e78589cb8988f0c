"""Steps and rules, written shortly, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pathline import instant
from support.oracles.engine_adapter import facts_of, verdict_of

NOW: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
ZONE: Final = ZoneInfo("UTC")
SYDNEY: Final = ZoneInfo("Australia/Sydney")
LARGEST: Final = 2**53 - 1

StepJson = dict[str, Any]
Rule = dict[str, Any]


def step(type: str, data: Mapping[str, Any] | None = None, *, at: str = "2026-03-01", org: str = "even") -> StepJson:
    """A step on a day, or at an instant; its id is made of what it says, unless `data` comes twice at once."""
    time = at if "T" in at else f"{at}T09:00:00Z"
    data = dict(data or {})
    return {
        "source": f"urn:pathline:{org}:system",
        "id": data.pop("#", f"{type}@{time}"),
        "type": f"org.pathline.{type}.v1",
        "time": time,
        "org": org,
        "service": data.get("service"),
        "sequence": None,
        "data": data,
    }


def changed(kind: str = "other", effective: str = "2026-03-01", **more: Any) -> StepJson:
    """A change of circumstance; `at`, `org` and fields of the data."""
    place = {name: more.pop(name) for name in ("at", "org") if name in more}
    return step("circumstance.changed", {"kind": kind, "effective": effective, **more}, **place)


def states(facts: Mapping[str, Any], effective: str = "2026-03-01", **more: Any) -> StepJson:
    """A statement of facts."""
    return changed("other", effective, facts=dict(facts), **more)


def complete(kind: str, first: str, last: str, **more: Any) -> StepJson:
    """A declaration that nothing of a kind is missing in these days."""
    return changed(kind, "2026-03-01", complete={"from": first, "until": last}, **more)


def facts(*steps: StepJson, now: datetime = NOW, zone: ZoneInfo = ZONE) -> dict[str, dict[str, Any]]:
    """The facts by name, without `circumstance.other`, which each statement gives."""
    served = facts_of(in_order(steps), now, zone)
    return {each["fact"]: each for each in served if each["fact"] != "circumstance.other"}


def values(*steps: StepJson, now: datetime = NOW, zone: ZoneInfo = ZONE) -> dict[str, Any]:
    """The values of the facts that are known, by name."""
    known = facts(*steps, now=now, zone=zone)
    return {name: each["values"][0]["value"] for name, each in known.items() if each["state"] == "known"}


def truth(rule: Rule, *steps: StepJson, now: datetime = NOW, zone: ZoneInfo = ZONE) -> bool | None:
    """Whether a rule is true; None for unknown."""
    return {"available": True, "not": False, "could_be": None}[judged(rule, *steps, now=now, zone=zone)["verdict"]]


def judged(rule: Rule | None, *steps: StepJson, now: datetime = NOW, zone: ZoneInfo = ZONE, **more: Any) -> Any:
    """The verdict."""
    return verdict_of(in_order(steps), rule, now, zone, **more)


def because(rule: Rule, *steps: StepJson, **more: Any) -> list[str]:
    """The clauses that say why."""
    return [each["clause"] for each in judged(rule, *steps, **more)["because"]]


def answers(rule: Rule, *steps: StepJson, **more: Any) -> list[list[tuple[str, bool]]]:
    """The listed sets: clauses and what is wanted of them."""
    listed = judged(rule, *steps, **more)["if"]
    return [[(each["clause"], each["wanted"]) for each in one] for one in listed]


def in_order(steps: tuple[StepJson, ...]) -> list[StepJson]:
    """The steps in pathway order."""
    return sorted(
        steps,
        key=lambda each: (
            instant.parse(each["time"]), each["source"], each["sequence"] is not None, each["sequence"] or "",
            each["id"],
        ),
    )  # fmt: skip


def every(*parts: Rule) -> Rule:
    """All of these."""
    return {"op": "all", "of": list(parts)}


def some(*parts: Rule) -> Rule:
    """Any of these."""
    return {"op": "any", "of": list(parts)}


def no(part: Rule) -> Rule:
    """Not this."""
    return {"op": "not", "of": part}


def compare(fact: str, cmp: str, value: Any) -> Rule:
    """A comparison."""
    return {"op": "compare", "fact": fact, "cmp": cmp, "value": value}


def eq(fact: str, value: Any = 1) -> Rule:
    """A fact has this value."""
    return compare(fact, "eq", value)


def exists(fact: str) -> Rule:
    """A fact is stated."""
    return {"op": "exists", "fact": fact}


def occurred(type: str, where: Mapping[str, Any] | None = None, within: str | None = None) -> Rule:
    """There is such a step."""
    more = {"where": dict(where) if where else None, "within": within}
    return {"op": "occurred", "type": type} | {name: each for name, each in more.items() if each is not None}


def count(type: str, cmp: str, value: int, where: Mapping[str, Any] | None = None, within: str | None = None) -> Rule:
    """There are so many such steps."""
    return {**occurred(type, where, within), "op": "count", "cmp": cmp, "value": value}


def age(fact: str, cmp: str, value: int) -> Rule:
    """So many whole years."""
    return {"op": "age", "fact": fact, "cmp": cmp, "value": value}


def later(days: int) -> datetime:
    """So many days after now."""
    return NOW + timedelta(days=days)
