"""The lifecycle of a hand-off as each side may know it, where something is concealed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs.event import HandoffStep
from pathline_gateway.handoffs.lifecycle import Lifecycle, compute_lifecycle
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

_UNINVOLVED_ORG = ""
"""An organisation that published nothing of the hand-off, and that the register does not conceal."""


def is_concealed(concealment: Concealment, step: Step) -> bool:
    """Whether the step, of which none of the payload columns was read, is there for its own organisation alone."""
    parsed = parse_step(step)
    return concealment.conceals_step(ParsedStep(step._replace(service=parsed.data.get("service")), parsed.data))


def is_visible_to(org: str, concealment: Concealment, step: Step) -> bool:
    """Whether the organisation may know of the step."""
    return step.org == org or not is_concealed(concealment.without_own(org), step)


def compute_side_lifecycles(
    handoff: str, steps: Sequence[HandoffStep], concealment: Concealment, former_orgs: Collection[str] = ()
) -> dict[str, Lifecycle]:
    """How the hand-off went for each organisation that has a part in it: for those who see everything, or for itself.

    `former_orgs`: organisations that had a part in it once.
    """
    concealed_steps = [each for each in steps if is_concealed(concealment, each.step)]
    lifecycle_by_hidden: dict[frozenset[int], Lifecycle] = {}

    def lifecycle_for(org: str) -> Lifecycle:
        hidden_indexes = frozenset(
            n for n, each in enumerate(concealed_steps) if not is_visible_to(org, concealment, each.step)
        )
        if hidden_indexes not in lifecycle_by_hidden:
            hidden_ids = {id(concealed_steps[n]) for n in hidden_indexes}
            lifecycle_by_hidden[hidden_indexes] = compute_lifecycle(
                handoff, [each.event for each in steps if id(each) not in hidden_ids]
            )
        return lifecycle_by_hidden[hidden_indexes]

    full = compute_lifecycle(handoff, [each.event for each in steps])
    concealing_orgs = concealment.orgs | {org for org, _ in concealment.services}
    # Whoever published nothing that is concealed, and does not conceal, knows what anybody may.
    extra_orgs = {each.step.org for each in concealed_steps} | {
        each.event.receiver for each in steps if each.event.receiver in concealing_orgs
    }
    certain_orgs = {*full.sides, *lifecycle_for(_UNINVOLVED_ORG).sides, *former_orgs}
    lifecycle_by_org = {
        org: lifecycle_for(org)
        for org in {*certain_orgs, *extra_orgs} - {CITIZEN_ORGANISATION, None}
        if org is not None
    }
    return {org: life for org, life in sorted(lifecycle_by_org.items()) if org in certain_orgs or org in life.sides}
