"""What people do from their own account: link, agree, pull, propose, and say what it was worth."""

from __future__ import annotations

from datetime import timedelta

from pathline_services.simulator.script import Script

_AT_ONCE = timedelta(seconds=1)


def opens_an_account(s: Script, share: float = 0.65) -> None:
    """Some open one, and show there who they are to the services that know them."""
    if s.chance(share):
        s.days(1, 12)
        shows_who_she_is(s)
        if s.chance(0.4):
            s.minutes(1, 5)
            s.at("citizen", "agreed to have shown", items=("income-statement", "proof-of-identity"))


def shows_who_she_is(s: Script) -> None:
    """Her account is linked with every service that knows her so far and is not linked yet."""
    for org in [org for org in s.known if org != "citizen" and org not in s.linked]:
        s.linked.add(org)
        s.minutes(1, 4)
        s.at("citizen", "showed who she is", known={"org": org, "subject": s.subject(org)})


def pulls(s: Script, need: str, to: str) -> bool:
    """She asks what there is for a need; true when she claims what she finds."""
    if not s.linked or not s.chance(0.6):
        return False
    s.days(2, 20)
    matter = f"pull-{s.name}-{need}"
    s.at("citizen", "asked what there is", need=need, matter=matter)
    s.clock += _AT_ONCE
    claims = s.chance(0.6)
    found = {"available": int(claims), "not": s.whole(0, 3), "could_be": s.whole(0, 2)}
    s.at("citizen", "was told", matter=matter, found=found)
    if not claims:
        return False
    s.minutes(1, 10)
    s.at("citizen", "claimed", to=to, matter=matter)
    return True


def says_what_it_was_worth(s: Script, need: str) -> None:
    """Near the end some share their experience, report how they are, or propose something."""
    if not s.linked:
        return
    shows_who_she_is(s)
    if s.chance(0.75):
        s.days(3, 20)
        worth = s.chance(0.7)
        burden = {"learning": s.whole(1, 5), "compliance": s.whole(2, 5), "psychological": s.whole(1, 5)}
        s.at("citizen", "it was worth it" if worth else "it was not worth it", need=need, burden=burden)
        if worth and s.chance(0.6):
            s.minutes(1, 5)
            s.at("citizen", "better now", need=need)
    if s.chance(0.15):
        s.days(1, 20)
        s.at("citizen", "proposed", matter=f"proposal-{s.name}")
