"""Decides what one reader sees of a pathway. Pure.

Whatever it leaves out has no part in what it gives: a reader learns nothing from a change of what she may not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from pathline import instant
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment.rules import NOTHING_CONCEALED, Concealment
from pathline_gateway.handoffs.deadlines import Contact, contact
from pathline_gateway.identity.resolution import Ref
from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZENS
from pathline_gateway.visibility.consent import ConsentEvent, Permission, permission
from pathline_gateway.visibility.handoff_sharing import NOTHING_SHARED, Shared, shared
from pathline_gateway.visibility.lawful_basis import LawfulBasis, relied_on
from pathline_gateway.visibility.mandates import Mandate, holding, services_named


@dataclass(frozen=True, slots=True)
class PathwayContext:
    """What is known of a pathway, and of who may know it."""

    refs: Sequence[Ref]
    steps: Sequence[Step]
    """In order."""
    consents: Sequence[ConsentEvent] = ()
    bases: Sequence[LawfulBasis] = ()
    concealment: Concealment = NOTHING_CONCEALED
    registrars: Set[str] = frozenset()
    """Organisations that are registered to register mandates; needed for who may be a helper."""
    received: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When each step (source, id) came; needed where a reader may know the pathway by several refs."""
    set_aside: bool = False
    """Something that decides who may see it could not be computed: each is told her own steps alone."""


class VisibleStep(NamedTuple):
    """A step that the reader sees; her own as it was sent."""

    told: ParsedStep
    own: bool


@dataclass(frozen=True, slots=True)
class VisiblePathway:
    """What a reader sees of a pathway."""

    steps: Sequence[VisibleStep]
    anchors: Sequence[Ref]
    """The refs by which she knows the pathway, the oldest first: it bears the name of that one."""
    subjects: Sequence[tuple[str, str]]
    """The refs that she is told, in order."""
    concealment: Concealment
    quiet: bool = False
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


def visible(reader: Reader, now: datetime, known: PathwayContext) -> VisiblePathway | None:
    """What the reader sees of this pathway now; None where nothing tells her that there is one."""
    if known.set_aside:
        return _own_alone(reader, known)
    steps = [parse_step(step) for step in known.steps]
    if reader.kind == "organisation":
        return _to_organisation(reader, now, known, steps)
    open_steps = [each for each in steps if not known.concealment.step(each)]
    if reader.kind == "operator":
        return _to_operator(known, open_steps)
    return _to_person(reader, now, known, steps, open_steps)


def _own_alone(reader: Reader, known: PathwayContext) -> VisiblePathway | None:
    """What she sent or did herself, where nothing else may be told: of helpers and operators, nothing."""
    if reader.kind == "organisation":
        own = [ref for ref in known.refs if ref.org == reader.org]
    else:
        own = [ref for ref in known.refs if (ref.org, ref.subject) == (CITIZENS, reader.account)]
        own = own if Role.CITIZEN in reader.roles else []
    under = {(ref.org, ref.subject) for ref in own}
    steps = [VisibleStep(parse_step(step), True) for step in known.steps if (step.org, step.subject) in under]
    quiet = any(known.concealment.ref(ref.org, ref.subject) for ref in own)
    return _seen(steps, own, own, known, quiet=quiet)


def offered(reader: Reader, known: PathwayContext) -> VisiblePathway | None:
    """What an organisation sees that is asked to take on a person whom it does not know yet: the hand-off's own steps.

    None where it is asked nothing here. There is no name of the pathway for it to have: it has no part in it.
    """
    if known.set_aside or reader.kind != "organisation" or reader.org is None or reader.stated.purpose is None:
        return None
    org, concealed = reader.org, known.concealment.besides(reader.org)
    steps = [each for each in map(parse_step, known.steps) if each.step.org == org or not concealed.step(each)]
    handed = shared(org, steps)
    shown = [VisibleStep(each, False) for each in steps if each.noun == "handoff" and handed.shows(each)]
    if not shown:
        return None
    numbers = {(ref.org, ref.subject): ref.id for ref in known.refs}
    under = frozenset(numbers[each.told.step.org, each.told.step.subject] for each in shown)
    met = _met(steps, handed, concealed)
    return VisiblePathway(
        shown,
        (),
        (),
        known.concealment,
        refs=under,
        handoffs=handed.handoffs,
        whole_handoffs=handed.handoffs,
        contacts=met,
    )


def _met(steps: Iterable[ParsedStep], handed: Shared, concealed: Concealment) -> list[Contact]:
    theirs = (each for each in steps if each.step.org in handed.receivers and not concealed.step(each))
    return [met for each in theirs if (met := contact(each.step)) is not None]


def _to_operator(known: PathwayContext, steps: Sequence[ParsedStep]) -> VisiblePathway | None:
    under = {(each.step.org, each.step.subject) for each in steps}
    anchors = [ref for ref in known.refs if (ref.org, ref.subject) in under]
    seen = _seen([VisibleStep(each, False) for each in steps], anchors, anchors, known)
    return None if seen is None else replace(seen, whole_handoffs=_offers(steps))


def _to_person(
    reader: Reader, now: datetime, known: PathwayContext, steps: Sequence[ParsedStep], open_steps: Sequence[ParsedStep]
) -> VisiblePathway | None:
    """Her own pathway, or that of somebody whose mandate she has."""
    account = [ref for ref in known.refs if (ref.org, ref.subject) == (CITIZENS, reader.account)]
    if account and Role.CITIZEN in reader.roles:
        shown = [VisibleStep(each, reader.owns(each.step.org, each.step.subject)) for each in open_steps]
        seen = _seen(shown, account, account, known)
        return None if seen is None else replace(seen, whole_handoffs=_offers(open_steps))
    mandates = _mandates(reader, holding(steps, now, known.registrars, known.concealment))
    if not mandates:
        return None
    under = {each.ref for each in mandates}
    covered = [
        VisibleStep(each, False)
        for each in open_steps
        if any(m.covers(each.step.org, each.step.service) for m in mandates)
    ]
    anchors = [ref for ref in known.refs if (ref.org, ref.subject) in under]
    # Never quiet: what a mandate showed somebody is told to the person, whatever the mandate says of its own safety.
    return _seen(covered, anchors, (), known, mandate=mandates[0].name)


def _offers(steps: Iterable[ParsedStep]) -> frozenset[str]:
    """Hand-offs that were offered by these steps: others anybody may have named, and they are other people's."""
    named = ((each.step.org, each.said.get("handoff")) for each in steps if each.verb == ("handoff", "offered"))
    return frozenset(handoff for org, handoff in named if handoff and handoff.startswith(f"{org}:"))


def _mandates(reader: Reader, held: Iterable[Mandate]) -> list[Mandate]:
    if reader.account is None or Role.HELPER not in reader.roles:
        return []
    account = reader.account
    return [each for each in held if each.lets_see(account)]


def _to_organisation(
    reader: Reader, now: datetime, known: PathwayContext, steps: Sequence[ParsedStep]
) -> VisiblePathway | None:
    """Its own part; of others what a mandate, a hand-off, a consent or a lawful basis shows it."""
    own = [ref for ref in known.refs if ref.org == reader.org]
    permits = _permission(reader, now, known)
    handed = _handed(reader, known, steps)
    shows = _shows(reader, now, known, steps, permits, handed)
    mine = [(each, each.step.org == reader.org) for each in steps]
    shown = [VisibleStep(each, is_mine) for each, is_mine in mine if is_mine or shows(each)]
    quiet = any(known.concealment.ref(ref.org, ref.subject) for ref in own)
    seen = _seen(shown, own, own, known, quiet=quiet)
    if seen is None or reader.org is None:
        return None
    met = _met(steps, handed, known.concealment.besides(reader.org))
    return replace(seen, handoffs=handed.handoffs, whole_handoffs=handed.handoffs, contacts=met)


def _handed(reader: Reader, known: PathwayContext, steps: Sequence[ParsedStep]) -> Shared:
    """What hand-offs show to this organisation, where it states what for."""
    if reader.org is None or reader.stated.purpose is None:
        return NOTHING_SHARED
    concealed = known.concealment.besides(reader.org)
    return shared(reader.org, [each for each in steps if each.step.org == reader.org or not concealed.step(each)])


def _permission(reader: Reader, now: datetime, known: PathwayContext) -> Permission:
    """What consents come to for this organisation. Those under concealed refs permit nothing; her own end is one."""
    hidden = known.concealment.ref
    heard = [c for c in known.consents if not hidden(c.org, c.subject) or (c.org == CITIZENS and not c.given)]
    return permission(heard, reader.org or "", reader.stated.purpose or "", now)


def _shows(
    reader: Reader,
    now: datetime,
    known: PathwayContext,
    steps: Sequence[ParsedStep],
    permits: Permission,
    handed: Shared,
) -> Callable[[ParsedStep], bool]:
    """Whether a step of another organisation is shown to this one; none is, where no purpose is stated."""
    org = reader.org
    if org is None or reader.stated.purpose is None:
        return lambda _: False
    concealed = known.concealment.besides(org)
    bases = relied_on(known.bases, reader, now)
    named = services_named(steps)

    def shows(each: ParsedStep) -> bool:
        if each.noun == "mandate" and org in named.get((each.step.org, each.said["mandate"]), ()):
            return True
        if concealed.step(each):
            return False
        holder, noun = each.step.org, each.noun
        return (
            handed.shows(each) or bool(permits.of(holder, noun)) or any(basis.allows(holder, noun) for basis in bases)
        )

    return shows


def _seen(
    steps: Sequence[VisibleStep],
    anchors: Sequence[Ref],
    subjects: Sequence[Ref],
    known: PathwayContext,
    *,
    quiet: bool = False,
    mandate: str | None = None,
) -> VisiblePathway | None:
    if not anchors:
        return None
    numbers = {(ref.org, ref.subject): ref.id for ref in known.refs}
    under = {numbers[each.told.step.org, each.told.step.subject] for each in steps}
    return VisiblePathway(
        steps,
        _oldest_first(anchors, steps, known),
        sorted((ref.org, ref.subject) for ref in subjects),
        known.concealment,
        quiet,
        mandate,
        frozenset(under | {ref.id for ref in anchors}),
    )


def _oldest_first(anchors: Sequence[Ref], steps: Sequence[VisibleStep], known: PathwayContext) -> list[Ref]:
    """By the first step under each that the reader sees.

    Not by when the ref came: a link of which she may not know can have named it before.
    """
    if len(anchors) == 1 or not known.received:
        return sorted(anchors, key=lambda ref: ref.age)
    first: dict[tuple[str, str], datetime] = {}
    for (step, _), _ in steps:
        came, under = known.received[step.source, step.id], (step.org, step.subject)
        first[under] = min(came, first.get(under, came))
    return sorted(anchors, key=lambda ref: (first.get((ref.org, ref.subject), instant.LATEST), ref.org, ref.subject))
