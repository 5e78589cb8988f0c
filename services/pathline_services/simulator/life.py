"""Whole lives: an event that upsets one, and how she finds her way through the services afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

from pathline_services.desk import Slip
from pathline_services.simulator import account, episodes
from pathline_services.simulator.script import OPENS, Act, Script, midnight

LONGEST_AGO_DAYS: Final = 300
SHORTEST_AGO_DAYS: Final = 45
"""How long before the end a life's first event is; the younger ones are still under way at the end."""


def life(seed: int, number: int, now: datetime) -> list[Act]:
    """The acts of one life in time order, the same for the same seed, number and day of `now`.

    Everything lies before the midnight that `now` follows.
    """
    dice = Random(f"pathline/{seed}/{number}")  # noqa: S311 (a simulation)
    until = midnight(now)
    ago = dice.randint(SHORTEST_AGO_DAYS, LONGEST_AGO_DAYS)
    start = until - timedelta(days=ago) + timedelta(hours=OPENS, seconds=dice.randrange(6 * 3600))
    script = Script(f"{seed}-{number}", dice, start, until)
    (template,) = dice.choices(list(TEMPLATES), weights=list(TEMPLATES.values()))
    template(script)
    return script.acts


def lives(seed: int, numbers: range, now: datetime) -> Iterator[list[Act]]:
    """One life after the other."""
    return (life(seed, number, now) for number in numbers)


def job_lost(s: Script) -> None:
    """Work ends; the payment takes weeks, the rent falls behind, and she must look for work."""
    s.at("income-support", "lost her job")
    s.minutes(10, 60)
    granted = episodes.claims_a_payment(s)
    account.opens_an_account(s)
    if s.chance(0.5):
        with s.meanwhile():
            s.minutes(5, 15)
            episodes.gets_parcels(s, s.send("income-support", "food-bank", "food", days=4))
    if s.chance(0.45):
        with s.meanwhile():
            s.days(3, 20)
            _the_rent(s)
    if granted:
        s.days(1, 4)
        _work(s, s.send("income-support", "employment", "employment", days=7))
    account.says_what_it_was_worth(s, "income")


def illness(s: Script) -> None:
    """A hospital stay; its social worker sends her on, and somebody answers or nobody does."""
    s.at("hospital", "admitted")
    s.days(2, 8)
    s.at("hospital", "need found", need="income", matter=f"need-{s.name}")
    s.minutes(5, 40)
    slip = s.send("hospital", "income-support", "income", days=7)
    s.days(1, 5)
    s.at("hospital", "discharged", matter=f"check-up-{s.name}")
    with s.meanwhile():
        _check_up(s)
    if s.chance(0.18):
        if s.chance(0.5):
            s.days(8, 15)
            s.at("hospital", "asked again", minutes=s.whole(10, 30))
    else:
        episodes.claims_a_payment(s, slip)
    account.opens_an_account(s)
    if s.chance(0.4):
        with s.meanwhile():
            s.days(5, 25)
            _the_rent(s)
    account.pulls(s, "health", "hospital")
    account.says_what_it_was_worth(s, "health")


def rent_behind(s: Script) -> None:
    """The rent is behind first; debts and hunger come with it."""
    _the_rent(s)
    if s.chance(0.35):
        with s.meanwhile():
            episodes.gets_parcels(s, s.send("housing", "food-bank", "food", days=4))
    account.opens_an_account(s)
    account.pulls(s, "debt", "money-help")
    s.days(10, 40)
    if s.chance(0.5):
        s.at("housing", "rent is paid")
    account.says_what_it_was_worth(s, "housing")


def hungry(s: Script) -> None:
    """She comes to the food bank first; it finds out what is behind it."""
    with s.meanwhile():
        episodes.gets_parcels(s)
    s.days(7, 10)
    if s.chance(0.65):
        slip = s.send("food-bank", "money-help", "debt", days=6)
        episodes.sees_a_counsellor(s, slip, "food-bank")
    else:
        s.at("money-help", "walked in")
        episodes.settles_debts(s)
    account.opens_an_account(s, 0.4)
    if account.pulls(s, "income", "income-support"):
        s.days(1, 4)
        episodes.claims_a_payment(s)
    account.says_what_it_was_worth(s, "food")


def _the_rent(s: Script) -> None:
    slip = episodes.asks_for_rent_help(s)
    if slip:
        with s.meanwhile():
            episodes.sees_a_counsellor(s, slip, "housing")


def _work(s: Script, slip: Slip) -> None:
    with s.meanwhile():
        episodes.looks_for_work(s, slip)
    s.days(18, 30)
    if account.pulls(s, "employment", "employment"):
        s.days(2, 8)
        s.at("employment", "started the course")


def _check_up(s: Script) -> None:
    s.days(21, 22)
    missed = s.chance(0.18)
    s.at("hospital", "missed check-up" if missed else "came for check-up", matter=f"check-up-{s.name}", minutes=90)
    if s.chance(0.3):
        s.at("hospital", "report given", items=("medical-report",))


TEMPLATES: Final[dict[Callable[[Script], None], float]] = {
    job_lost: 0.4,
    illness: 0.22,
    rent_behind: 0.23,
    hungry: 0.15,
}
"""How lives begin to come apart, and how often."""
