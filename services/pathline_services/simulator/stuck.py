"""The seeded stuck hand-off: one person whom housing sent to money-help weeks ago, and who was never answered.

It is in every simulation, whatever its seed, so that a demonstration can say where to look. A neighbour, who was
answered, is there too: money-help publishes, so its silence is a silence and not an organisation that nobody can see.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final

from pathline_services.reference import subject
from pathline_services.simulator.script import OPENS, Act, Script, midnight

ORG: Final = "housing"
PERSON: Final = "tenancy-of-the-stuck-hand-off"
"""The number under which housing knows her."""

DAYS_AGO: Final = 46
"""When she first came to housing."""


def stuck_acts(now: datetime) -> list[list[Act]]:
    """Her life, and her neighbour's."""
    return [_stuck(now), _neighbour(now)]


def where_to_look() -> dict[str, str]:
    """The organisation and the pseudonym with which her pathway is found."""
    return {"org": ORG, "subject": subject(ORG, PERSON)}


def _script(name: str, now: datetime) -> Script:
    until = midnight(now)
    start = until - timedelta(days=DAYS_AGO) + timedelta(hours=OPENS)
    return Script(name, Random(f"pathline/{name}"), start, until)  # noqa: S311 (a simulation)


def _stuck(now: datetime) -> list[Act]:
    s = _script("stuck", now)
    s.known_as(ORG, PERSON)
    papers = ("income-statement", "bank-statement", "tenancy-agreement")
    asked = s.at(ORG, "behind with rent", minutes=60)
    s.days(1, 2)
    s.at(ORG, "asked for papers", items=papers)
    s.days(2, 3)
    s.at(ORG, "brought papers", items=papers, minutes=45)
    s.days(3, 4)
    s.at(ORG, "granted")
    s.minutes(10, 20)
    parcels = s.send(ORG, "food-bank", "food", days=3)
    s.minutes(5, 10)
    s.send(ORG, "money-help", "debt", days=5)
    with s.meanwhile():
        s.days(1, 2)
        s.at("food-bank", "came with a slip", slip=parcels)
        s.at("food-bank", "got a parcel")
        s.days(7, 8)
        s.at("food-bank", "got a parcel")
        s.at("food-bank", "fed", slip=parcels)
    for _ in range(2):
        s.days(8, 10)
        s.at(ORG, "asked again", regarding=asked, minutes=25)
    return s.acts


def _neighbour(now: datetime) -> list[Act]:
    s = _script("neighbour", now)
    s.days(8, 10)
    s.at(ORG, "behind with rent", minutes=30)
    s.minutes(20, 30)
    slip = s.send(ORG, "money-help", "debt")
    s.days(2, 3)
    s.at("money-help", "came with a slip", slip=slip)
    s.days(2, 4)
    s.at("money-help", "sat down together")
    s.days(24, 26)
    s.at("money-help", "debts settled", slip=slip)
    return s.acts
