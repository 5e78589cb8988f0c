"""The lifecycle of a hand-off as each side may know it, where something is concealed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs.event_reader import HandoffStep
from pathline_gateway.handoffs.lifecycle import Lifecycle, lifecycle
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZENS

_ANYBODY = ""
"""An organisation that published nothing of the hand-off, and that the register does not conceal."""


def conceals(concealment: Concealment, step: Step) -> bool:
    """Whether the step, of which none of the clear columns was read, is there for its own organisation alone."""
    said = parse_step(step)
    return concealment.step(ParsedStep(step._replace(service=said.said.get("service")), said.said))


def known_to(org: str, concealment: Concealment, step: Step) -> bool:
    """Whether the organisation may know of the step."""
    return step.org == org or not conceals(concealment.besides(org), step)


def side_lives(
    handoff: str, steps: Sequence[HandoffStep], concealment: Concealment, before: Collection[str] = ()
) -> dict[str, Lifecycle]:
    """How the hand-off went for each organisation that has a part in it: for those who see everything, or for itself.

    `before`: organisations that had a part in it once.
    """
    hidden = [each for each in steps if conceals(concealment, each.step)]
    folded: dict[frozenset[int], Lifecycle] = {}

    def for_whom(org: str) -> Lifecycle:
        left_out = frozenset(n for n, each in enumerate(hidden) if not known_to(org, concealment, each.step))
        if left_out not in folded:
            out = {id(hidden[n]) for n in left_out}
            folded[left_out] = lifecycle(handoff, [each.event for each in steps if id(each) not in out])
        return folded[left_out]

    whole = lifecycle(handoff, [each.event for each in steps])
    concealing = concealment.orgs | {org for org, _ in concealment.services}
    # Whoever published nothing that is concealed, and does not conceal, knows what anybody may.
    special = {each.step.org for each in hidden} | {each.event.to for each in steps if each.event.to in concealing}
    sure = {*whole.sides, *for_whom(_ANYBODY).sides, *before}
    lives = {org: for_whom(org) for org in {*sure, *special} - {CITIZENS, None} if org is not None}
    return {org: life for org, life in sorted(lives.items()) if org in sure or org in life.sides}
