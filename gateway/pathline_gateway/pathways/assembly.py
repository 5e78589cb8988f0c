"""The fold: interactions of one person, whatever order they came in, become her pathway. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pathline_gateway.pathways.amendments import Amendment, apply_amendments
from pathline_gateway.pathways.step import Step


@dataclass(frozen=True, slots=True)
class Pathway:
    """One person's steps in order, and the organisations and services that they lead through."""

    steps: Sequence[Step]
    legs: Sequence[tuple[str, str | None]]


def assemble(steps: Iterable[Step], amendments: Iterable[Amendment] = ()) -> Pathway:
    """The pathway of these steps as amended: the same for every order of both."""
    ordered = sorted(apply_amendments(steps, amendments), key=lambda step: step.sort_key)
    return Pathway(ordered, list(dict.fromkeys((step.org, step.service) for step in ordered)))
