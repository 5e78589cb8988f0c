"""The seeded stuck hand-off: one person whom housing sent to money-help weeks ago, and who was never answered.

It is in every simulation, whatever its seed, so that a demonstration can say where to look. A neighbour, who was
answered, is there too. So money-help publishes, and its silence is no mere lack of a connection.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final

from pathline_services.reference import subject
from pathline_services.simulator.script import OPENING_HOUR, Act, Script, midnight

ORG: Final = "housing"
PERSON: Final = "tenancy-of-the-stuck-hand-off"
"""The number under which housing knows her."""

DAYS_AGO: Final = 46
"""When she first came to housing."""


def stuck_acts(now: datetime) -> list[list[Act]]:
    """Her life, and her neighbour's."""
    return [_stuck_life(now), _neighbour_life(now)]


def stuck_handoff_ref() -> dict[str, str]:
    """The organisation and the pseudonym with which her pathway is found."""
    return {"org": ORG, "subject": subject(ORG, PERSON)}


def _start_script(name: str, now: datetime) -> Script:
    until = midnight(now)
    start = until - timedelta(days=DAYS_AGO) + timedelta(hours=OPENING_HOUR)
    return Script(name, Random(f"pathline/{name}"), start, until)  # noqa: S311 (a simulation)


def _stuck_life(now: datetime) -> list[Act]:
    s = _start_script("stuck", now)
    s.set_person_number(ORG, PERSON)
    papers = ("income-statement", "bank-statement", "tenancy-agreement")
    request_id = s.visit_desk(ORG, "behind with rent", minutes=60)
    s.pass_days(1, 2)
    s.visit_desk(ORG, "asked for papers", items=papers)
    s.pass_days(2, 3)
    s.visit_desk(ORG, "brought papers", items=papers, minutes=45)
    s.pass_days(3, 4)
    s.visit_desk(ORG, "granted")
    s.pass_minutes(10, 20)
    parcels = s.refer(ORG, "food-bank", "food", days=3)
    s.pass_minutes(5, 10)
    s.refer(ORG, "money-help", "debt", days=5)
    with s.branch():
        s.pass_days(1, 2)
        s.visit_desk("food-bank", "came with a slip", slip=parcels)
        s.visit_desk("food-bank", "got a parcel")
        s.pass_days(7, 8)
        s.visit_desk("food-bank", "got a parcel")
        s.visit_desk("food-bank", "fed", slip=parcels)
    for _ in range(2):
        s.pass_days(8, 10)
        s.visit_desk(ORG, "asked again", regarding=request_id, minutes=25)
    return s.acts


def _neighbour_life(now: datetime) -> list[Act]:
    s = _start_script("neighbour", now)
    s.pass_days(8, 10)
    s.visit_desk(ORG, "behind with rent", minutes=30)
    s.pass_minutes(20, 30)
    slip = s.refer(ORG, "money-help", "debt")
    s.pass_days(2, 3)
    s.visit_desk("money-help", "came with a slip", slip=slip)
    s.pass_days(2, 4)
    s.visit_desk("money-help", "sat down together")
    s.pass_days(24, 26)
    s.visit_desk("money-help", "debts settled", slip=slip)
    return s.acts
