"""Steps and leaves for worked examples, as short as can be, on a day in June."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
"""When it is asked."""
ZONE = ZoneInfo("UTC")
SYDNEY = ZoneInfo("Australia/Sydney")

Step = dict[str, Any]
Leaf = dict[str, Any]

_numbers = itertools.count(1)


def step(type: str, time: str, org: str = "agency", id: str | None = None, **data: Any) -> Step:
    """A step at noon of a date, or at an instant."""
    number = next(_numbers)
    return {
        "source": f"urn:pathline:{org}:case",
        "id": id or f"s-{number}",
        "type": f"org.pathline.{type}.v1",
        "time": time if "T" in time else f"{time}T12:00:00Z",
        "org": org,
        "service": data.get("service"),
        "sequence": None,
        "data": data,
    }


def stated(effective: str, org: str = "agency", time: str = "2026-06-01", id: str | None = None, **facts: Any) -> Step:
    """Facts of her since a date."""
    return step("circumstance.changed", time, org, id, kind="other", effective=effective, facts=facts)


def changed(kind: str, effective: str, org: str = "agency", id: str | None = None, **data: Any) -> Step:
    """A circumstance that changed on a date, told on that date."""
    time = data.pop("time", effective)
    return step("circumstance.changed", time, org, id, kind=kind, effective=effective, **data)


def declared(kind: str, first: str, last: str, id: str | None = None, **data: Any) -> Step:
    """That nothing of a kind is missing between two dates, told today."""
    complete = {"from": first, "until": last}
    return changed(kind, "2026-06-15", id=id, time="2026-06-15T08:00:00Z", complete=complete, **data)


def decision(verb: str, time: str, id: str | None = None, **data: Any) -> Step:
    """A step of the one decision of these examples, unless another is named."""
    return step(f"decision.{verb}", time, data.pop("org", "agency"), id, **{"decision": "d1", **data})


def compare(fact: str, cmp: str, value: Any) -> Leaf:
    """A fact compares so."""
    return {"op": "compare", "fact": fact, "cmp": cmp, "value": value}


def holds(fact: str) -> Leaf:
    """A fact is true."""
    return compare(fact, "eq", True)


def exists(fact: str) -> Leaf:
    """A fact is there."""
    return {"op": "exists", "fact": fact}


def aged(fact: str, cmp: str, value: int) -> Leaf:
    """Whole years since a date compare so."""
    return {"op": "age", "fact": fact, "cmp": cmp, "value": value}


def occurred(type: str, within: str | None = None, **where: Any) -> Leaf:
    """A step of a type is there."""
    return {"op": "occurred", "type": type, **_asked(within, where)}


def counted(type: str, cmp: str, value: int, within: str | None = None, **where: Any) -> Leaf:
    """So many steps of a type are there."""
    return {"op": "count", "type": type, "cmp": cmp, "value": value, **_asked(within, where)}


def every(*of: Leaf) -> Leaf:
    """All of them."""
    return {"op": "all", "of": list(of)}


def some(*of: Leaf) -> Leaf:
    """Any of them."""
    return {"op": "any", "of": list(of)}


def negated(of: Leaf) -> Leaf:
    """The contrary."""
    return {"op": "not", "of": of}


def _asked(within: str | None, where: dict[str, Any]) -> dict[str, Any]:
    return {**({"where": where} if where else {}), **({"within": within} if within else {})}
