"""The state of everything in one sentence, for somebody woken at night. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_BEHIND = 1_000
"""Events of lag from which on it is worth a look."""


def state(status: Mapping[str, int], ready: bool, overdue: int) -> tuple[str, str]:
    """A word for the kind (`well`, `busy`, `look`) and the sentence, with what to do."""
    if not ready:
        return "look", "Intake has no partitions: look at the broker, and at this process's log."
    if status["lag"] > _BEHIND:
        return (
            "busy",
            f"Intake is {status['lag']:,} events behind: it catches up, or the lag of a partition says where.",
        )
    if status["parked"]:
        return "busy", f"Everything flows; {status['parked']:,} records are parked and wait for somebody to look."
    if overdue:
        waits = "One hand-off waits" if overdue == 1 else f"{overdue:,} hand-offs wait"
        return "busy", f"Everything flows. {waits} for an answer for longer than agreed."
    if not status["interactions"]:
        return "well", "Ready, and nothing was published yet: see the README for the first event in ten lines."
    return "well", "Everything flows, and nothing waits."
