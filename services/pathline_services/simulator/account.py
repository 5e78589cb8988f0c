"""What people do from their own account: link, agree, pull, propose, and say what it was worth."""

from __future__ import annotations

from datetime import timedelta

from pathline_services.simulator.script import Script

_ANSWER_DELAY = timedelta(seconds=1)


def open_account(s: Script, share: float = 0.65) -> None:
    """Some open one, and show there who they are to the services that know them."""
    if s.chance(share):
        s.pass_days(1, 12)
        link_account(s)
        if s.chance(0.4):
            s.pass_minutes(1, 5)
            s.visit_desk("citizen", "agreed to have shown", items=("income-statement", "proof-of-identity"))


def link_account(s: Script) -> None:
    """Her account is linked with every service that knows her so far and is not linked yet."""
    for org in [org for org in s.known_orgs if org != "citizen" and org not in s.linked_orgs]:
        s.linked_orgs.add(org)
        s.pass_minutes(1, 4)
        s.visit_desk("citizen", "showed who she is", known={"org": org, "subject": s.subject(org)})


def search_offers(s: Script, need: str, to: str) -> bool:
    """She asks what there is for a need; true when she claims what she finds."""
    if not s.linked_orgs or not s.chance(0.6):
        return False
    s.pass_days(2, 20)
    matter = f"pull-{s.name}-{need}"
    s.visit_desk("citizen", "asked what there is", need=need, matter=matter)
    s.clock += _ANSWER_DELAY
    claims_offer = s.chance(0.6)
    answer = {"available": int(claims_offer), "not": s.random_integer(0, 3), "could_be": s.random_integer(0, 2)}
    s.visit_desk("citizen", "was told", matter=matter, found=answer)
    if not claims_offer:
        return False
    s.pass_minutes(1, 10)
    s.visit_desk("citizen", "claimed", to=to, matter=matter)
    return True


def share_experience(s: Script, need: str) -> None:
    """Near the end some share their experience, report how they are, or propose something."""
    if not s.linked_orgs:
        return
    link_account(s)
    if s.chance(0.75):
        s.pass_days(3, 20)
        was_worth_it = s.chance(0.7)
        burden = {
            "learning": s.random_integer(1, 5),
            "compliance": s.random_integer(2, 5),
            "psychological": s.random_integer(1, 5),
        }
        s.visit_desk("citizen", "it was worth it" if was_worth_it else "it was not worth it", need=need, burden=burden)
        if was_worth_it and s.chance(0.6):
            s.pass_minutes(1, 5)
            s.visit_desk("citizen", "better now", need=need)
    if s.chance(0.15):
        s.pass_days(1, 20)
        s.visit_desk("citizen", "proposed", matter=f"proposal-{s.name}")
