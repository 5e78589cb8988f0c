"""What can become of a person at one service: each function writes one episode, with its chances."""

from __future__ import annotations

from pathline_services.desk import Slip
from pathline_services.simulator.script import Script

PAPERS = ("income-statement", "proof-of-identity", "bank-statement")
"""What income support asks for; others ask for some of it again."""


def claims_a_payment(s: Script, slip: Slip | None = None) -> bool:
    """She claims a payment and waits; true when it is granted."""
    if slip:
        s.days(*((7, 12) if s.chance(0.2) else (1, 4)))
        s.at("income-support", "came with a slip", slip=slip)
    claim = s.at("income-support", "claimed", minutes=s.whole(30, 150))
    s.days(1, 4)
    s.at("income-support", "asked for papers", items=PAPERS)
    if s.chance(0.12):
        s.days(28, 40)
        s.at("income-support", "gave up")
        return False
    s.days(2, 9)
    s.at("income-support", "brought papers", items=PAPERS, minutes=s.whole(20, 90))
    _waits_for(s, claim)
    granted = s.chance(0.88)
    s.at("income-support", "granted" if granted else "refused")
    if slip:
        s.minutes(5, 30)
        s.at("income-support", "slip done", slip=slip)
    return granted


def _waits_for(s: Script, claim: str) -> None:
    """Weeks in which she telephones, complains, and is asked for the same paper again."""
    for _ in range(3):
        s.days(5, 10)
        if s.chance(0.45):
            s.at("income-support", "asked again", regarding=claim, minutes=s.whole(15, 70))
    if s.chance(0.15):
        s.minutes(20, 60)
        s.at("income-support", "complained", regarding=claim, minutes=s.whole(15, 45))
    if s.chance(0.2):
        s.days(1, 3)
        s.at("income-support", "asked for papers", items=PAPERS[:1])
        s.days(1, 5)
        s.at("income-support", "brought papers", items=PAPERS[:1], minutes=s.whole(15, 60))
    s.days(1, 6)


def gets_parcels(s: Script, slip: Slip | None = None) -> None:
    """The food bank feeds her for some weeks; some come back to help."""
    if slip is None:
        s.at("food-bank", "asked for food")
    elif not _is_taken_in(s, slip):
        return
    for _ in range(s.whole(1, 4)):
        s.at("food-bank", "got a parcel")
        if s.chance(0.08):
            s.days(21, 35)
            s.at("food-bank", "stayed away")
            return
        s.days(6, 8)
    if slip:
        s.at("food-bank", "fed", slip=slip)
    if s.chance(0.3):
        s.days(7, 20)
        s.at("food-bank", "helped out", minutes=s.whole(6, 20) * 15)


def _is_taken_in(s: Script, slip: Slip) -> bool:
    s.days(*((4, 9) if s.chance(0.15) else (1, 1)))
    welcome = s.chance(0.88)
    s.at("food-bank", "came with a slip" if welcome else "turned away", slip=slip)
    return welcome


def asks_for_rent_help(s: Script) -> Slip | None:
    """She is behind with the rent; housing asks, again, for papers, and may send her to a counsellor."""
    asked = s.at("housing", "behind with rent", minutes=s.whole(20, 90))
    s.days(1, 4)
    s.at("housing", "asked for papers", items=(*PAPERS[::2], "tenancy-agreement"))
    if s.chance(0.1):
        s.days(20, 30)
        s.at("housing", "lost touch")
        return None
    s.days(1, 8)
    s.at("housing", "brought papers", items=(*PAPERS[::2], "tenancy-agreement"), minutes=s.whole(20, 80))
    s.days(2, 10)
    if s.chance(0.4):
        s.at("housing", "asked again", regarding=asked, minutes=s.whole(10, 50))
        s.days(1, 5)
    if s.chance(0.08):
        s.at("housing", "complained", regarding=asked, minutes=s.whole(10, 30))
        s.days(1, 5)
    s.at("housing", "granted" if s.chance(0.65) else "refused")
    s.minutes(10, 30)
    if s.chance(0.15):
        s.send("housing", "legal-aid", "legal")
        s.minutes(5, 15)
    return s.send("housing", "money-help", "debt") if s.chance(0.75) else None


def sees_a_counsellor(s: Script, slip: Slip, sender: str) -> None:
    """The counsellor answers in time, late, with a no, or never."""
    if s.chance(0.15):
        _hears_nothing(s, slip, sender)
        return
    if s.chance(0.12):
        s.days(1, 6)
        s.at("money-help", "turned away", slip=slip)
        return
    s.days(*((7, 18) if s.chance(0.35) else (1, 4)))
    s.at("money-help", "came with a slip", slip=slip)
    if s.chance(0.3):
        s.minutes(5, 20)
        s.at("money-help", "put on the list", days=14)
        s.days(10, 20)
    settles_debts(s, slip)


def _hears_nothing(s: Script, slip: Slip, sender: str) -> None:
    if sender == "housing":
        s.days(8, 16)
        s.at("housing", "asked again", minutes=s.whole(10, 40))
        if s.chance(0.3):
            s.days(20, 40)
            s.at("housing", "slip lapsed", slip=slip)


def settles_debts(s: Script, slip: Slip | None = None) -> None:
    """She and the counsellor go through her letters, until the debts are settled or she comes no more."""
    s.days(1, 6)
    if s.chance(0.6):
        s.at("money-help", "asked for papers", items=PAPERS[:2])
        s.days(1, 7)
        s.at("money-help", "brought papers", items=PAPERS[:2], minutes=s.whole(20, 60))
        s.minutes(5, 30)
    s.at("money-help", "sat down together")
    if "housing" not in s.known and s.chance(0.4):
        with s.meanwhile():
            s.minutes(5, 15)
            _keeps_her_home(s, s.send("money-help", "housing", "housing"))
    s.days(20, 55)
    if s.chance(0.72):
        s.at("money-help", "debts settled", slip=slip)
    elif slip and s.chance(0.6):
        s.at("money-help", "not seen again", slip=slip)


def _keeps_her_home(s: Script, slip: Slip) -> None:
    """The counsellor found that the rent is behind too."""
    s.days(*((6, 12) if s.chance(0.3) else (1, 4)))
    s.at("housing", "came with a slip", slip=slip)
    s.days(10, 30)
    if s.chance(0.8):
        s.at("housing", "rent is paid", slip=slip)


def looks_for_work(s: Script, slip: Slip) -> None:
    """Coaching that she must come to; work is found, or she is not seen again, or it goes on."""
    s.days(*((9, 16) if s.chance(0.15) else (1, 6)))
    s.at("employment", "came with a slip", slip=slip, matter=f"duty-{s.name}")
    s.days(1, 5)
    s.at("employment", "started", slip=slip)
    if s.chance(0.4):
        s.at("employment", "asked for papers", items=("employment-history", "income-statement"))
        s.days(2, 8)
        s.at("employment", "brought papers", items=("employment-history", "income-statement"), minutes=40)
    for _ in range(s.whole(2, 5)):
        s.days(7, 14)
        _comes_to_coaching(s)
    s.days(5, 30)
    if s.chance(0.5):
        s.at("employment", "found work", slip=slip)
    elif s.chance(0.25):
        s.at("employment", "not seen again", slip=slip)


def _comes_to_coaching(s: Script) -> None:
    if not s.chance(0.2):
        s.at("employment", "came to coaching", minutes=s.whole(60, 150))
        return
    s.at("employment", "missed coaching", matter=f"duty-{s.name}")
    if s.chance(0.5):
        s.days(1, 4)
        s.at("employment", "excused", matter=f"duty-{s.name}")
