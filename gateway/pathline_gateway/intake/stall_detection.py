"""What an intake that does not move needs. Pure.

Long-running consumers can stop without a word. It shows as lag without progress while Postgres stores what it gets. A
log that no longer has our position looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

REPOSITION_AFTER_S = 3.0
"""Lag without progress for so long: perhaps the log is another one."""
REBUILD_AFTER_S = 20.0
"""Lag without progress for so long: the consumer is dead, whatever it says. Longer than a rebalance takes."""
NOT_READY_AFTER_S = 30.0
"""Lag without progress, or a database that takes nothing, for so long: no traffic should come here."""


class RecoveryAction(Enum):
    """What to do now."""

    NOTHING = "nothing"
    REPOSITION = "stand-again"
    REBUILD = "rebuild"


@dataclass(frozen=True, slots=True)
class IntakeVitals:
    """What is seen of an intake, in seconds."""

    stalled_s: float
    """For how long it has had records to read and has not moved; 0 while it moves."""
    database_failing_s: float
    """For how long Postgres has taken nothing; 0 while it does."""
    busy: bool
    """A batch is in work: the consumer has done its part."""
    since_repositioned_s: float
    """Since the logs were last looked at."""
    since_built_s: float
    """Since the consumer was made."""


def choose_recovery(vitals: IntakeVitals) -> RecoveryAction:
    """What this intake needs. A consumer that waits for Postgres needs nothing: a new one would wait, too."""
    if vitals.busy or vitals.database_failing_s > 0:
        return RecoveryAction.NOTHING
    if vitals.stalled_s >= REBUILD_AFTER_S and vitals.since_built_s >= REBUILD_AFTER_S:
        return RecoveryAction.REBUILD
    if vitals.stalled_s >= REPOSITION_AFTER_S and vitals.since_repositioned_s >= 2 * REPOSITION_AFTER_S:
        return RecoveryAction.REPOSITION
    return RecoveryAction.NOTHING


def readiness_problem(vitals: IntakeVitals) -> tuple[str, str] | None:
    """Why no traffic should come to this process: reason and detail; None when it may."""
    if vitals.database_failing_s >= NOT_READY_AFTER_S:
        return "database-unavailable", "Postgres has taken nothing for a while: look at it, and at its disk"
    if vitals.stalled_s >= NOT_READY_AFTER_S:
        return "intake-stalled", "there are records to read and none is read: look at the broker"
    return None
