"""Which steps decide what an organisation sees of others': those of hand-offs and of mandates. Pure.

Any other step is seen, or is not, for its own content: it changes nothing for any other step. So whoever asks for a few
steps needs these and those that decide, and not the whole pathway. `compute_visible` decides, as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event_from_step
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.pathways.parsed_step import parse_step
from pathline_gateway.pathways.payload_fields import fields_of, values_of_kind
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.authority import consent_is_effective
from pathline_gateway.visibility.policy import PathwayContext

_PREFIXES: Final = ("org.pathline.handoff.", "org.pathline.mandate.")


def is_deciding(step: Step) -> bool:
    """Whether what is seen of other steps may hang on this one."""
    return step.type.startswith(_PREFIXES)


def referenced_events(step: Step) -> Iterator[tuple[str, str]]:
    """Source and id of each event that the step refers to."""
    parsed = parse_step(step)
    for event in values_of_kind(fields_of(step.type), parsed.data, "event"):
        yield event["source"], event["id"]


def potentially_visible_refs(reader: Reader, context: PathwayContext) -> list[StoredRef]:
    """The refs under which any step that does not decide may be shown to her: those, and perhaps some besides.

    An organisation has its own. Of others' it is shown something by consents, by lawful bases, or because somebody was
    offered to it with what led there. Refs by which none of these shows anything are not looked at: what stands under
    them must not cost her time.
    """
    if reader.kind != "organisation" or reader.org is None:
        return list(context.refs)
    released_refs = _released_refs(reader.org, context.steps)
    holders = {ref.org for ref in context.refs if _may_be_shown_by(ref.org, reader, context)}
    return [
        ref
        for ref in context.refs
        if ref.org == reader.org or ref.org in holders or (ref.org, ref.subject) in released_refs
    ]


def _may_be_shown_by(holder: str, reader: Reader, context: PathwayContext) -> bool:
    """Whether a consent or a lawful basis may let this organisation show something."""
    purpose = reader.access_purpose.purpose
    return any(not basis.holders or holder in basis.holders for basis in context.bases) or any(
        each.is_given
        and each.concerns(reader.org or "", purpose or "")
        and (not each.holders or holder in each.holders)
        and consent_is_effective(each.org, holder)
        for each in context.consents
    )


def _released_refs(org: str, steps: Iterable[Step]) -> set[tuple[str, str]]:
    """The refs of those whom this organisation was asked to take on, and of whom it is shown what led there."""
    offers: dict[str, list[tuple[str, str]]] = {}
    offered_handoffs, released_handoffs = set[str](), set[str]()
    for step in steps:
        event = handoff_event_from_step(step)
        if event is None or event.handoff is None:
            continue
        if event.verb == "offered":
            offers.setdefault(event.handoff, []).append((step.org, step.subject))
        if event.receiver == org:
            offered_handoffs.add(event.handoff)
        if event.data.get("context_released") and event.handoff.startswith(f"{event.org}:"):
            released_handoffs.add(event.handoff)
    return {ref for handoff in offered_handoffs & released_handoffs for ref in offers.get(handoff, ())}


class FirstContact(NamedTuple):
    """A contact that a clock may stop at: the first by this organisation from then on, which names this hand-off."""

    org: str
    since: datetime
    handoff: str | None
    """None: which names none."""


def contacts_to_load(reader: Reader, steps: Iterable[Step]) -> set[FirstContact]:
    """The contacts that clocks of hand-offs may stop at of which this reader is told; of an organisation, its own."""
    events = [
        event for step in steps if (event := handoff_event_from_step(step)) is not None and event.handoff is not None
    ]
    visible_handoffs = {
        event.handoff for event in events if reader.kind != "organisation" or _is_side(reader.org, event)
    }
    first_asked_at: dict[str | None, datetime] = {}
    for event in events:
        if event.receiver is not None:
            first_asked_at[event.handoff] = min(event.time, first_asked_at.get(event.handoff, event.time))
    receiver_by_handoff = {
        (event.receiver, event.handoff)
        for event in events
        if event.receiver is not None and event.handoff in visible_handoffs
    }
    acceptances = {
        FirstContact(event.org, event.time, None)
        for event in events
        if event.verb == "accepted" and event.handoff in visible_handoffs
    }
    return acceptances | {FirstContact(org, first_asked_at[handoff], handoff) for org, handoff in receiver_by_handoff}


def _is_side(org: str | None, event: HandoffEvent) -> bool:
    return org is not None and (org in (event.receiver, event.org) or (event.handoff or "").startswith(f"{org}:"))
