"""Whole lives: an event that upsets one, and how she finds her way through the services afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

from pathline_services.desk import Slip
from pathline_services.simulator import account, episodes
from pathline_services.simulator.script import OPENING_HOUR, Act, Script, midnight

MAX_AGE_DAYS: Final = 300
MIN_AGE_DAYS: Final = 45
"""How long before the end a life's first event is; the younger ones are still under way at the end."""


def simulate_life(seed: int, number: int, now: datetime) -> list[Act]:
    """The acts of one life in time order, the same for the same seed, number and day of `now`.

    Everything lies before the midnight that `now` follows.
    """
    random = Random(f"pathline/{seed}/{number}")  # noqa: S311 (a simulation)
    until = midnight(now)
    age_days = random.randint(MIN_AGE_DAYS, MAX_AGE_DAYS)
    start = until - timedelta(days=age_days) + timedelta(hours=OPENING_HOUR, seconds=random.randrange(6 * 3600))
    script = Script(f"{seed}-{number}", random, start, until)
    (template,) = random.choices(list(TEMPLATES), weights=list(TEMPLATES.values()))
    template(script)
    return script.acts


def simulate_lives(seed: int, numbers: range, now: datetime) -> Iterator[list[Act]]:
    """One life after the other."""
    return (simulate_life(seed, number, now) for number in numbers)


def live_through_job_loss(s: Script) -> None:
    """Work ends; the payment takes weeks, the rent falls behind, and she must look for work."""
    s.visit_desk("income-support", "lost her job")
    s.pass_minutes(10, 60)
    granted = episodes.claim_payment(s)
    account.open_account(s)
    if s.chance(0.5):
        with s.branch():
            s.pass_minutes(5, 15)
            episodes.receive_parcels(s, s.refer("income-support", "food-bank", "food", days=4))
    if s.chance(0.45):
        with s.branch():
            s.pass_days(3, 20)
            _get_rent_help(s)
    if granted:
        s.pass_days(1, 4)
        _look_for_work(s, s.refer("income-support", "employment", "employment", days=7))
    account.share_experience(s, "income")


def live_through_illness(s: Script) -> None:
    """A hospital stay; its social worker sends her on, and somebody answers or nobody does."""
    s.visit_desk("hospital", "admitted")
    s.pass_days(2, 8)
    s.visit_desk("hospital", "need found", need="income", matter=f"need-{s.name}")
    s.pass_minutes(5, 40)
    slip = s.refer("hospital", "income-support", "income", days=7)
    s.pass_days(1, 5)
    s.visit_desk("hospital", "discharged", matter=f"check-up-{s.name}")
    with s.branch():
        _attend_check_up(s)
    if s.chance(0.18):
        if s.chance(0.5):
            s.pass_days(8, 15)
            s.visit_desk("hospital", "asked again", minutes=s.random_integer(10, 30))
    else:
        episodes.claim_payment(s, slip)
    account.open_account(s)
    if s.chance(0.4):
        with s.branch():
            s.pass_days(5, 25)
            _get_rent_help(s)
    account.search_offers(s, "health", "hospital")
    account.share_experience(s, "health")


def live_through_rent_arrears(s: Script) -> None:
    """The rent is behind first; debts and hunger come with it."""
    _get_rent_help(s)
    if s.chance(0.35):
        with s.branch():
            episodes.receive_parcels(s, s.refer("housing", "food-bank", "food", days=4))
    account.open_account(s)
    account.search_offers(s, "debt", "money-help")
    s.pass_days(10, 40)
    if s.chance(0.5):
        s.visit_desk("housing", "rent is paid")
    account.share_experience(s, "housing")


def live_through_hunger(s: Script) -> None:
    """She comes to the food bank first; it finds out what is behind it."""
    with s.branch():
        episodes.receive_parcels(s)
    s.pass_days(7, 10)
    if s.chance(0.65):
        slip = s.refer("food-bank", "money-help", "debt", days=6)
        episodes.see_counsellor(s, slip, "food-bank")
    else:
        s.visit_desk("money-help", "walked in")
        episodes.settle_debts(s)
    account.open_account(s, 0.4)
    if account.search_offers(s, "income", "income-support"):
        s.pass_days(1, 4)
        episodes.claim_payment(s)
    account.share_experience(s, "food")


def _get_rent_help(s: Script) -> None:
    slip = episodes.ask_for_rent_help(s)
    if slip:
        with s.branch():
            episodes.see_counsellor(s, slip, "housing")


def _look_for_work(s: Script, slip: Slip) -> None:
    with s.branch():
        episodes.look_for_work(s, slip)
    s.pass_days(18, 30)
    if account.search_offers(s, "employment", "employment"):
        s.pass_days(2, 8)
        s.visit_desk("employment", "started the course")


def _attend_check_up(s: Script) -> None:
    s.pass_days(21, 22)
    missed = s.chance(0.18)
    s.visit_desk(
        "hospital", "missed check-up" if missed else "came for check-up", matter=f"check-up-{s.name}", minutes=90
    )
    if s.chance(0.3):
        s.visit_desk("hospital", "report given", items=("medical-report",))


TEMPLATES: Final[dict[Callable[[Script], None], float]] = {
    live_through_job_loss: 0.4,
    live_through_illness: 0.22,
    live_through_rent_arrears: 0.23,
    live_through_hunger: 0.15,
}
"""How lives begin to come apart, and how often."""
