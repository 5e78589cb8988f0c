"""The figures of one pathway, by their formulas, from what is served of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from itertools import pairwise
from typing import Any

Body = dict[str, Any]
BY_HER = ("citizen", "carer")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def waiting_share(body: Body) -> float:
    """The union of waits at hand-offs whose receiver is here, of the whole time."""
    steps = [at(step["time"]) for step in body["steps"]]
    first, last = min(steps), max(steps)
    waits = sorted(
        (
            at(each["offered"]),
            at(each["first_contact"] or each["ended"]) if each["first_contact"] or each["ended"] else last,
        )
        for each in body["handoffs"]
        if each["observable"]
    )
    waited, until = 0.0, first
    for begins, ends in waits:
        begins, ends = max(begins, until), min(ends, last)
        if ends > begins:
            waited += (ends - begins).total_seconds()
            until = ends
    return waited / (last - first).total_seconds()


def pull_ratio(body: Body) -> Body:
    """Of the edges whose later step says who began it, those that she or a carer began."""
    edges = [
        later
        for earlier, later in pairwise(body["steps"])
        if not (earlier["data"].get("precision") == "day" and at(earlier["time"]).date() == at(later["time"]).date())
    ]
    tagged = [step["initiator"] for step in edges if step["initiator"] is not None]
    hers = sum(who in BY_HER for who in tagged)
    return {
        "value": round(hers / len(tagged), 6),
        "by_citizen_or_carer": hers,
        "tagged_transitions": len(tagged),
        "untagged_transitions": len(edges) - len(tagged),
        "transitions": len(edges),
    }


def _contacts(body: Body) -> list[Body]:
    made = (step for step in body["steps"] if step["type"] == "org.pathline.contact.made.v1")
    return [step for step in made if step["initiator"] in BY_HER]


def failure_demand(body: Body) -> Body:
    """Chasing, correcting and complaining, of all her contacts."""
    contacts = _contacts(body)
    failed = sum(step["data"]["kind"] in ("chase", "correct", "complain") for step in contacts)
    return {
        "value": round(failed / len(contacts), 6),
        "chase_correct_complain": failed,
        "contacts": len(contacts),
    }


def contacts_to_value(body: Body) -> int | None:
    """Her contacts from the first need to the first value that she confirmed."""
    needs = [at(s["time"]) for s in body["steps"] if s["type"] == "org.pathline.need.expressed.v1"]
    values = [
        at(s["time"])
        for s in body["steps"]
        if s["type"] == "org.pathline.experience.shared.v1" and s["data"]["value"] == "confirmed"
    ]
    if not needs or not values:
        return None
    return sum(min(needs) <= at(step["time"]) <= min(values) for step in _contacts(body))


def repeat_telling(body: Body, consented: Collection[str]) -> Body:
    """How often an item was asked again that a holder had leave to show."""
    asks = Counter(
        item
        for step in body["steps"]
        if step["type"] == "org.pathline.evidence.requested.v1"
        for item in step["data"]["items"]
        if item in consented
    )
    return {
        "asked_again": sum(n - 1 for n in asks.values()),
        "asks": sum(asks.values()),
        "by_item": {item: {"asks": n, "again": n - 1} for item, n in asks.items()},
    }
