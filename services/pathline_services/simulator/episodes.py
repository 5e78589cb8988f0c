"""What can become of a person at one service: each function writes one episode, with its chances."""

from __future__ import annotations

from pathline_services.desk import Slip
from pathline_services.simulator.script import Script

PAPERS = ("income-statement", "proof-of-identity", "bank-statement")
"""What income support asks for; others ask for some of it again."""


def claim_payment(s: Script, slip: Slip | None = None) -> bool:
    """She claims a payment and waits; true when it is granted."""
    if slip:
        s.pass_days(*((7, 12) if s.chance(0.2) else (1, 4)))
        s.visit_desk("income-support", "came with a slip", slip=slip)
    claim = s.visit_desk("income-support", "claimed", minutes=s.random_integer(30, 150))
    s.pass_days(1, 4)
    s.visit_desk("income-support", "asked for papers", items=PAPERS)
    if s.chance(0.12):
        s.pass_days(28, 40)
        s.visit_desk("income-support", "gave up")
        return False
    s.pass_days(2, 9)
    s.visit_desk("income-support", "brought papers", items=PAPERS, minutes=s.random_integer(20, 90))
    _wait_for_decision(s, claim)
    granted = s.chance(0.88)
    s.visit_desk("income-support", "granted" if granted else "refused")
    if slip:
        s.pass_minutes(5, 30)
        s.visit_desk("income-support", "slip done", slip=slip)
    return granted


def _wait_for_decision(s: Script, claim: str) -> None:
    """Weeks in which she telephones, complains, and is asked for the same paper again."""
    for _ in range(3):
        s.pass_days(5, 10)
        if s.chance(0.45):
            s.visit_desk("income-support", "asked again", regarding=claim, minutes=s.random_integer(15, 70))
    if s.chance(0.15):
        s.pass_minutes(20, 60)
        s.visit_desk("income-support", "complained", regarding=claim, minutes=s.random_integer(15, 45))
    if s.chance(0.2):
        s.pass_days(1, 3)
        s.visit_desk("income-support", "asked for papers", items=PAPERS[:1])
        s.pass_days(1, 5)
        s.visit_desk("income-support", "brought papers", items=PAPERS[:1], minutes=s.random_integer(15, 60))
    s.pass_days(1, 6)


def receive_parcels(s: Script, slip: Slip | None = None) -> None:
    """The food bank feeds her for some weeks; some come back to help."""
    if slip is None:
        s.visit_desk("food-bank", "asked for food")
    elif not _is_accepted(s, slip):
        return
    for _ in range(s.random_integer(1, 4)):
        s.visit_desk("food-bank", "got a parcel")
        if s.chance(0.08):
            s.pass_days(21, 35)
            s.visit_desk("food-bank", "stayed away")
            return
        s.pass_days(6, 8)
    if slip:
        s.visit_desk("food-bank", "fed", slip=slip)
    if s.chance(0.3):
        s.pass_days(7, 20)
        s.visit_desk("food-bank", "helped out", minutes=s.random_integer(6, 20) * 15)


def _is_accepted(s: Script, slip: Slip) -> bool:
    s.pass_days(*((4, 9) if s.chance(0.15) else (1, 1)))
    is_accepted = s.chance(0.88)
    s.visit_desk("food-bank", "came with a slip" if is_accepted else "turned away", slip=slip)
    return is_accepted


def ask_for_rent_help(s: Script) -> Slip | None:
    """She is behind with the rent; housing asks, again, for papers, and may send her to a counsellor."""
    request_id = s.visit_desk("housing", "behind with rent", minutes=s.random_integer(20, 90))
    s.pass_days(1, 4)
    s.visit_desk("housing", "asked for papers", items=(*PAPERS[::2], "tenancy-agreement"))
    if s.chance(0.1):
        s.pass_days(20, 30)
        s.visit_desk("housing", "lost touch")
        return None
    s.pass_days(1, 8)
    s.visit_desk(
        "housing", "brought papers", items=(*PAPERS[::2], "tenancy-agreement"), minutes=s.random_integer(20, 80)
    )
    s.pass_days(2, 10)
    if s.chance(0.4):
        s.visit_desk("housing", "asked again", regarding=request_id, minutes=s.random_integer(10, 50))
        s.pass_days(1, 5)
    if s.chance(0.08):
        s.visit_desk("housing", "complained", regarding=request_id, minutes=s.random_integer(10, 30))
        s.pass_days(1, 5)
    s.visit_desk("housing", "granted" if s.chance(0.65) else "refused")
    s.pass_minutes(10, 30)
    if s.chance(0.15):
        s.refer("housing", "legal-aid", "legal")
        s.pass_minutes(5, 15)
    return s.refer("housing", "money-help", "debt") if s.chance(0.75) else None


def see_counsellor(s: Script, slip: Slip, sender: str) -> None:
    """The counsellor answers in time, late, with a no, or never."""
    if s.chance(0.15):
        _hear_nothing(s, slip, sender)
        return
    if s.chance(0.12):
        s.pass_days(1, 6)
        s.visit_desk("money-help", "turned away", slip=slip)
        return
    s.pass_days(*((7, 18) if s.chance(0.35) else (1, 4)))
    s.visit_desk("money-help", "came with a slip", slip=slip)
    if s.chance(0.3):
        s.pass_minutes(5, 20)
        s.visit_desk("money-help", "put on the list", days=14)
        s.pass_days(10, 20)
    settle_debts(s, slip)


def _hear_nothing(s: Script, slip: Slip, sender: str) -> None:
    if sender == "housing":
        s.pass_days(8, 16)
        s.visit_desk("housing", "asked again", minutes=s.random_integer(10, 40))
        if s.chance(0.3):
            s.pass_days(20, 40)
            s.visit_desk("housing", "slip lapsed", slip=slip)


def settle_debts(s: Script, slip: Slip | None = None) -> None:
    """She and the counsellor go through her letters, until the debts are settled or she comes no more."""
    s.pass_days(1, 6)
    if s.chance(0.6):
        s.visit_desk("money-help", "asked for papers", items=PAPERS[:2])
        s.pass_days(1, 7)
        s.visit_desk("money-help", "brought papers", items=PAPERS[:2], minutes=s.random_integer(20, 60))
        s.pass_minutes(5, 30)
    s.visit_desk("money-help", "sat down together")
    if "housing" not in s.known_orgs and s.chance(0.4):
        with s.branch():
            s.pass_minutes(5, 15)
            _keep_tenancy(s, s.refer("money-help", "housing", "housing"))
    s.pass_days(20, 55)
    if s.chance(0.72):
        s.visit_desk("money-help", "debts settled", slip=slip)
    elif slip and s.chance(0.6):
        s.visit_desk("money-help", "not seen again", slip=slip)


def _keep_tenancy(s: Script, slip: Slip) -> None:
    """The counsellor found that the rent is behind too."""
    s.pass_days(*((6, 12) if s.chance(0.3) else (1, 4)))
    s.visit_desk("housing", "came with a slip", slip=slip)
    s.pass_days(10, 30)
    if s.chance(0.8):
        s.visit_desk("housing", "rent is paid", slip=slip)


def look_for_work(s: Script, slip: Slip) -> None:
    """Coaching that she must come to; work is found, or she is not seen again, or it goes on."""
    s.pass_days(*((9, 16) if s.chance(0.15) else (1, 6)))
    s.visit_desk("employment", "came with a slip", slip=slip, matter=f"duty-{s.name}")
    s.pass_days(1, 5)
    s.visit_desk("employment", "started", slip=slip)
    if s.chance(0.4):
        s.visit_desk("employment", "asked for papers", items=("employment-history", "income-statement"))
        s.pass_days(2, 8)
        s.visit_desk("employment", "brought papers", items=("employment-history", "income-statement"), minutes=40)
    for _ in range(s.random_integer(2, 5)):
        s.pass_days(7, 14)
        _attend_coaching(s)
    s.pass_days(5, 30)
    if s.chance(0.5):
        s.visit_desk("employment", "found work", slip=slip)
    elif s.chance(0.25):
        s.visit_desk("employment", "not seen again", slip=slip)


def _attend_coaching(s: Script) -> None:
    if not s.chance(0.2):
        s.visit_desk("employment", "came to coaching", minutes=s.random_integer(60, 150))
        return
    s.visit_desk("employment", "missed coaching", matter=f"duty-{s.name}")
    if s.chance(0.5):
        s.pass_days(1, 4)
        s.visit_desk("employment", "excused", matter=f"duty-{s.name}")
