"""Verdicts of the oracle in a form in which a worked example can be read."""

from __future__ import annotations

from typing import Any

from gateway.offers.worked_steps import NOW, ZONE, Leaf, Step, stated
from support.oracles.eligibility_oracle import verdict_of


def verdict(steps: list[Step], rule: Leaf | None, **hides: Any) -> dict[str, Any]:
    """What the oracle finds."""
    return verdict_of(steps, rule, NOW, ZONE, **hides)


def because(steps: list[Step], rule: Leaf) -> tuple[str, list[str]]:
    """The verdict and the clauses that are the reason."""
    found = verdict(steps, rule)
    return found["verdict"], [reason["clause"] for reason in found["because"]]


def sets(steps: list[Step], rule: Leaf, **hides: Any) -> list[list[tuple[str, bool]]]:
    """The listed sets: clauses, and what is wanted of each."""
    found = verdict(steps, rule, **hides)
    assert found["verdict"] == "could_be"
    return [[(answer["clause"], answer["wanted"]) for answer in answers] for answers in found["if"]]


def facts(**values: Any) -> list[Step]:
    """Facts of her that were stated in May."""
    return [stated("2026-05-01", id="facts", **values)]


def offer(name: str, rule: Leaf | None) -> dict[str, Any]:
    """An offer in a catalogue."""
    return {"org": "council", "offer": name, "eligibility": rule, "processing_time": None, "channels": []}
