"""Decides what one reader sees of a pathway. Pure.

Hidden steps have no part in the result: a reader learns nothing from a change of what she may not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pathline import instant
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment.rules import NOTHING_CONCEALED, Concealment
from pathline_gateway.handoffs.deadlines import Contact, contact_from_step
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION
from pathline_gateway.visibility.consent import ConsentEvent, Permission, compute_permission
from pathline_gateway.visibility.handoff_sharing import NOTHING_SHARED, SharedHandoffs, compute_shared
from pathline_gateway.visibility.lawful_basis import LawfulBasis, applicable_bases
from pathline_gateway.visibility.mandates import Mandate, mandates_in_force, orgs_by_mandate
from pathline_gateway.visibility.policy_revisions import PolicyRevisions


@dataclass(frozen=True, slots=True)
class PathwayContext:
    """What is known of a pathway, and of who may know it."""

    refs: Sequence[StoredRef]
    steps: Sequence[Step]
    """In order."""
    consents: Sequence[ConsentEvent] = ()
    bases: Sequence[LawfulBasis] = ()
    concealment: Concealment = NOTHING_CONCEALED
    registrars: Set[str] = frozenset()
    """Organisations that are registered to register mandates; needed for who may be a helper."""
    received_at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When each step (source, id) came; needed where a reader may know the pathway by several refs."""
    is_set_aside: bool = False
    """Something that decides who may see it could not be computed: each is told her own steps alone."""
    revisions: PolicyRevisions | None = None
    """What all of this was read at, where that is known."""


class VisibleStep(NamedTuple):
    """A step that the reader sees; her own as it was sent."""

    parsed: ParsedStep
    is_own: bool


@dataclass(frozen=True, slots=True)
class VisiblePathway:
    """What a reader sees of a pathway."""

    steps: Sequence[VisibleStep]
    anchors: Sequence[StoredRef]
    """The refs by which she knows the pathway, the oldest first: it bears the name of that one."""
    subjects: Sequence[tuple[str, str]]
    """The refs that she is told, in order."""
    concealment: Concealment
    is_concealed_access: bool = False
    """That she looked may be told to nobody: it would tell what the register conceals."""
    mandate: str | None = None
    """The mandate by which she looked."""
    refs: frozenset[int] = frozenset()
    """The numbers of the refs that she came by or was shown something of."""
    handoffs: frozenset[str] = frozenset()
    """Those that she is a side of: she knows them by their own ids, with which she answers."""
    whole_handoffs: frozenset[str] = frozenset()
    """Those of which she may know all that is not concealed from her, on whatever pathway it was said."""
    contacts: Sequence[Contact] = ()
    """When their receivers met the person: either side is told that, though not by what step."""
    anchor_ids: Mapping[tuple[str, str], UUID] = field(default_factory=dict)
    """Of every ref of the pathway: events are named by the ref under which they stand."""


def compute_visible(reader: Reader, now: datetime, context: PathwayContext) -> VisiblePathway | None:
    """What the reader sees of this pathway now; None where nothing tells her that there is one."""
    if context.is_set_aside:
        return _only_own_steps(reader, context)
    steps = [parse_step(step) for step in context.steps]
    if reader.kind == "organisation":
        return _visible_to_organisation(reader, now, context, steps)
    open_steps = [each for each in steps if not context.concealment.conceals_step(each)]
    if reader.kind == "operator":
        return _visible_to_operator(context, open_steps)
    return _visible_to_person(reader, now, context, steps, open_steps)


def _only_own_steps(reader: Reader, context: PathwayContext) -> VisiblePathway | None:
    """What she sent or did herself, where nothing else may be told: of helpers and operators, nothing."""
    own_refs = [ref for ref in context.refs if is_own_ref(reader, ref.org, ref.subject)]
    own_ref_keys = {(ref.org, ref.subject) for ref in own_refs}
    steps = [VisibleStep(parse_step(step), True) for step in context.steps if (step.org, step.subject) in own_ref_keys]
    is_concealed_access = any(context.concealment.conceals_ref(ref.org, ref.subject) for ref in own_refs)
    return _build_visible_pathway(steps, own_refs, own_refs, context, is_concealed_access=is_concealed_access)


def is_own_ref(reader: Reader, org: str, subject: str) -> bool:
    """Whether it is the organisation's own, or the person's account; no helper and no operator has one."""
    if reader.kind == "organisation":
        return org == reader.org
    return Role.CITIZEN in reader.roles and (org, subject) == (CITIZEN_ORGANISATION, reader.account)


def compute_offered(reader: Reader, context: PathwayContext) -> VisiblePathway | None:
    """What an organisation sees that is asked to take on a person whom it does not know yet: the hand-off's own steps.

    None where it is asked nothing here. There is no name of the pathway for it to have: it has no part in it.
    """
    if (
        context.is_set_aside
        or reader.kind != "organisation"
        or reader.org is None
        or reader.access_purpose.purpose is None
    ):
        return None
    org, concealed_from_org = reader.org, context.concealment.without_own(reader.org)
    steps = [
        each
        for each in map(parse_step, context.steps)
        if each.step.org == org or not concealed_from_org.conceals_step(each)
    ]
    shared_handoffs = compute_shared(org, steps)
    visible_steps = [
        VisibleStep(each, False) for each in steps if each.noun == "handoff" and shared_handoffs.is_shown(each)
    ]
    if not visible_steps:
        return None
    number_by_ref = {(ref.org, ref.subject): ref.id for ref in context.refs}
    ref_numbers = frozenset(number_by_ref[each.parsed.step.org, each.parsed.step.subject] for each in visible_steps)
    contacts = _receiver_contacts(steps, shared_handoffs, concealed_from_org)
    return VisiblePathway(
        visible_steps,
        (),
        (),
        context.concealment,
        refs=ref_numbers,
        handoffs=shared_handoffs.handoffs,
        whole_handoffs=shared_handoffs.handoffs,
        contacts=contacts,
        anchor_ids=_anchor_ids(context),
    )


def _anchor_ids(context: PathwayContext) -> dict[tuple[str, str], UUID]:
    return {(ref.org, ref.subject): ref.anchor_id for ref in context.refs}


def _receiver_contacts(
    steps: Iterable[ParsedStep], shared_handoffs: SharedHandoffs, concealed_from_org: Concealment
) -> list[Contact]:
    receiver_steps = (
        each
        for each in steps
        if each.step.org in shared_handoffs.receivers and not concealed_from_org.conceals_step(each)
    )
    return [parsed_contact for each in receiver_steps if (parsed_contact := contact_from_step(each.step)) is not None]


def _visible_to_operator(context: PathwayContext, steps: Sequence[ParsedStep]) -> VisiblePathway | None:
    ref_keys = {(each.step.org, each.step.subject) for each in steps}
    anchors = [ref for ref in context.refs if (ref.org, ref.subject) in ref_keys]
    visible_pathway = _build_visible_pathway([VisibleStep(each, False) for each in steps], anchors, anchors, context)
    return None if visible_pathway is None else replace(visible_pathway, whole_handoffs=_offered_handoffs(steps))


def _visible_to_person(
    reader: Reader,
    now: datetime,
    context: PathwayContext,
    steps: Sequence[ParsedStep],
    open_steps: Sequence[ParsedStep],
) -> VisiblePathway | None:
    """Her own pathway, or that of somebody whose mandate she has."""
    account_refs = [ref for ref in context.refs if (ref.org, ref.subject) == (CITIZEN_ORGANISATION, reader.account)]
    if account_refs and Role.CITIZEN in reader.roles:
        visible_steps = [VisibleStep(each, reader.owns(each.step.org, each.step.subject)) for each in open_steps]
        visible_pathway = _build_visible_pathway(visible_steps, account_refs, account_refs, context)
        return (
            None if visible_pathway is None else replace(visible_pathway, whole_handoffs=_offered_handoffs(open_steps))
        )
    mandates = _readable_mandates(reader, mandates_in_force(steps, now, context.registrars, context.concealment))
    if not mandates:
        return None
    ref_keys = {each.holder_ref for each in mandates}
    covered = [
        VisibleStep(each, False)
        for each in open_steps
        if any(candidate.covers(each.step.org, each.step.service) for candidate in mandates)
    ]
    anchors = [ref for ref in context.refs if (ref.org, ref.subject) in ref_keys]
    # Never quiet: what a mandate showed somebody is told to the person, whatever the mandate says of its own safety.
    return _build_visible_pathway(covered, anchors, (), context, mandate=mandates[0].qualified_id)


def _offered_handoffs(steps: Iterable[ParsedStep]) -> frozenset[str]:
    """Hand-offs that were offered by these steps: others anybody may have named, and they are other people's."""
    handoff_references = (
        (each.step.org, each.data.get("handoff")) for each in steps if each.noun_and_verb == ("handoff", "offered")
    )
    return frozenset(handoff for org, handoff in handoff_references if handoff and handoff.startswith(f"{org}:"))


def _readable_mandates(reader: Reader, in_force: Iterable[Mandate]) -> list[Mandate]:
    if reader.account is None or Role.HELPER not in reader.roles:
        return []
    account = reader.account
    return [each for each in in_force if each.allows_reading(account)]


def _visible_to_organisation(
    reader: Reader, now: datetime, context: PathwayContext, steps: Sequence[ParsedStep]
) -> VisiblePathway | None:
    """Its own part; of others what a mandate, a hand-off, a consent or a lawful basis shows it."""
    own_refs = [ref for ref in context.refs if ref.org == reader.org]
    consent_permission = _consent_permission(reader, now, context)
    shared_handoffs = _shared_handoffs(reader, context, steps)
    is_shown = _step_filter(reader, now, context, steps, consent_permission, shared_handoffs)
    with_ownership = [(each, each.step.org == reader.org) for each in steps]
    visible_steps = [VisibleStep(each, is_own) for each, is_own in with_ownership if is_own or is_shown(each)]
    is_concealed_access = any(context.concealment.conceals_ref(ref.org, ref.subject) for ref in own_refs)
    visible_pathway = _build_visible_pathway(
        visible_steps, own_refs, own_refs, context, is_concealed_access=is_concealed_access
    )
    if visible_pathway is None or reader.org is None:
        return None
    contacts = _receiver_contacts(steps, shared_handoffs, context.concealment.without_own(reader.org))
    return replace(
        visible_pathway, handoffs=shared_handoffs.handoffs, whole_handoffs=shared_handoffs.handoffs, contacts=contacts
    )


def _shared_handoffs(reader: Reader, context: PathwayContext, steps: Sequence[ParsedStep]) -> SharedHandoffs:
    """What hand-offs show to this organisation, where it states what for."""
    if reader.org is None or reader.access_purpose.purpose is None:
        return NOTHING_SHARED
    concealed_from_org = context.concealment.without_own(reader.org)
    return compute_shared(
        reader.org,
        [each for each in steps if each.step.org == reader.org or not concealed_from_org.conceals_step(each)],
    )


def _consent_permission(reader: Reader, now: datetime, context: PathwayContext) -> Permission:
    """What consents come to for this organisation. Those under concealed refs permit nothing; her own end is one."""
    is_concealed_ref = context.concealment.conceals_ref
    considered_events = [
        event
        for event in context.consents
        if not is_concealed_ref(event.org, event.subject) or (event.org == CITIZEN_ORGANISATION and not event.is_given)
    ]
    return compute_permission(considered_events, reader.org or "", reader.access_purpose.purpose or "", now)


def _step_filter(
    reader: Reader,
    now: datetime,
    context: PathwayContext,
    steps: Sequence[ParsedStep],
    consent_permission: Permission,
    shared_handoffs: SharedHandoffs,
) -> Callable[[ParsedStep], bool]:
    """Whether a step of another organisation is shown to this one; none is, where no purpose is stated."""
    org = reader.org
    if org is None or reader.access_purpose.purpose is None:
        return lambda _: False
    concealed_from_org = context.concealment.without_own(org)
    bases = applicable_bases(context.bases, reader, now)
    orgs_named_by_mandate = orgs_by_mandate(steps)

    def is_shown(each: ParsedStep) -> bool:
        if each.noun == "mandate" and org in orgs_named_by_mandate.get((each.step.org, each.data["mandate"]), ()):
            return True
        if concealed_from_org.conceals_step(each):
            return False
        holder, noun = each.step.org, each.noun
        return (
            shared_handoffs.is_shown(each)
            or bool(consent_permission.granting_consents(holder, noun))
            or any(basis.allows(holder, noun) for basis in bases)
        )

    return is_shown


def _build_visible_pathway(
    steps: Sequence[VisibleStep],
    anchors: Sequence[StoredRef],
    subjects: Sequence[StoredRef],
    context: PathwayContext,
    *,
    is_concealed_access: bool = False,
    mandate: str | None = None,
) -> VisiblePathway | None:
    if not anchors:
        return None
    number_by_ref = {(ref.org, ref.subject): ref.id for ref in context.refs}
    ref_numbers = {number_by_ref[each.parsed.step.org, each.parsed.step.subject] for each in steps}
    return VisiblePathway(
        steps,
        _oldest_first(anchors, steps, context),
        sorted((ref.org, ref.subject) for ref in subjects),
        context.concealment,
        is_concealed_access,
        mandate,
        frozenset(ref_numbers | {ref.id for ref in anchors}),
        anchor_ids=_anchor_ids(context),
    )


def _oldest_first(
    anchors: Sequence[StoredRef], steps: Sequence[VisibleStep], context: PathwayContext
) -> list[StoredRef]:
    """By the first step under each that the reader sees.

    Not by when the ref came: a link of which she may not know can have named it before.
    """
    if len(anchors) == 1 or not context.received_at:
        return sorted(anchors, key=lambda ref: ref.age_key)
    first_received: dict[tuple[str, str], datetime] = {}
    for (step, _), _ in steps:
        received_at, ref_key = context.received_at[step.source, step.id], (step.org, step.subject)
        first_received[ref_key] = min(received_at, first_received.get(ref_key, received_at))
    return sorted(
        anchors, key=lambda ref: (first_received.get((ref.org, ref.subject), instant.LATEST), ref.org, ref.subject)
    )
