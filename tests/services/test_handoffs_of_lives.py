"""Hand-offs in simulated lives keep the state machine of the vocabulary."""

import hashlib
import heapq
from datetime import timedelta
from itertools import count

from pathline import Interaction
from pathline.vocabulary import HandoffAccepted, HandoffDeclined, HandoffOffered, Payload
from pathline_services.reference import SERVICES
from pathline_services.simulator import Act

LEGAL = {
    "seen": ("requested",),
    "accepted": ("requested", "received"),
    "declined": ("requested", "received"),
    "started": ("accepted", "on-hold"),
    "paused": ("accepted", "in-progress"),
    "resumed": ("on-hold",),
    "completed": ("accepted", "in-progress", "on-hold"),
    "failed": ("accepted", "in-progress", "on-hold"),
    "expired": ("requested", "received"),
}
AFTER = {
    "offered": "requested",
    "seen": "received",
    "accepted": "accepted",
    "declined": "rejected",
    "started": "in-progress",
    "paused": "on-hold",
    "resumed": "in-progress",
    "completed": "completed",
    "failed": "failed",
    "expired": "cancelled",
}
BY_SENDER = ("offered", "expired")


def handoffs(acts: list[Act]) -> dict[str, list[Interaction[Payload]]]:
    found: dict[str, list[Interaction[Payload]]] = {}
    for act in acts:
        for each in SERVICES[act.org].interactions(act.visit):
            if each.payload.noun == "handoff" and each.payload.handoff:
                found.setdefault(each.payload.handoff, []).append(each)
    return found


def illegal(steps: list[Interaction[Payload]]) -> list[str]:
    """Verbs that the fold refuses: in pathway order; a coarse one is tried again at the end of its day."""
    turn = count()
    queue = [(each.time, each.source, each.id, next(turn), each, each.payload.precision == "day") for each in steps]
    heapq.heapify(queue)
    state, refused = "none", []
    while queue:
        time, source, id_, _, each, coarse = heapq.heappop(queue)
        verb = each.payload.verb
        if state in LEGAL.get(verb, ("none",)):
            state = AFTER[verb]
        elif coarse:
            heapq.heappush(queue, (time + timedelta(days=1), source, id_, next(turn), each, False))
        else:
            refused.append(f"{verb} from {state}")
    return refused


def test_no_step_of_a_hand_off_is_illegal(five_hundred: list[list[Act]]) -> None:
    for acts in five_hundred:
        for steps in handoffs(acts).values():
            assert illegal(steps) == []


def test_each_side_publishes_its_own_steps_and_redeems_the_code_that_was_given_out(
    five_hundred: list[list[Act]],
) -> None:
    redeemed = 0
    for acts in five_hundred:
        for steps in handoffs(acts).values():
            (offered,) = (each for each in steps if isinstance(each.payload, HandoffOffered))
            assert isinstance(offered.payload, HandoffOffered)
            for each in steps:
                sender = each.payload.verb in BY_SENDER
                assert each.org == (offered.org if sender else offered.payload.to.org)
                if isinstance(each.payload, HandoffAccepted | HandoffDeclined) and each.payload.token:
                    assert hashlib.sha256(each.payload.token.encode()).hexdigest() == offered.payload.token_sha256
                    redeemed += 1
    assert redeemed > 300


def test_a_code_is_published_only_by_the_desk_that_it_was_shown_to(five_hundred: list[list[Act]]) -> None:
    for acts in five_hundred[:100]:
        for act in acts:
            slip = act.visit.slip
            if act.visit.to and slip and slip.code:
                for each in SERVICES[act.org].interactions(act.visit):
                    assert slip.code.encode() not in (each.event.data or b"")
