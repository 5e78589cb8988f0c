"""Which steps decide what an organisation sees of others': those of hand-offs and of mandates. Pure.

A step that is none of these is seen, or is not, for what it says itself: it changes nothing for any other step. So who
asks for a few steps needs these few and those that decide, and not the whole pathway; `visible` is asked, as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event
from pathline_gateway.identity.resolution import Ref
from pathline_gateway.pathways.parsed_step import parse_step
from pathline_gateway.pathways.payload_fields import fields_of, named
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.authority import opens
from pathline_gateway.visibility.policy import PathwayContext

_PREFIXES: Final = ("org.pathline.handoff.", "org.pathline.mandate.")


def decides(step: Step) -> bool:
    """Whether what is seen of other steps may hang on this one."""
    return step.type.startswith(_PREFIXES)


def named_events(step: Step) -> Iterator[tuple[str, str]]:
    """Source and id of each event that the step refers to."""
    said = parse_step(step)
    for event in named(fields_of(step.type), said.said, "event"):
        yield event["source"], event["id"]


def reach(reader: Reader, known: PathwayContext) -> list[Ref]:
    """The refs under which any step that does not decide may be shown to her: those, and perhaps some besides.

    An organisation has its own. Of others' it is shown something by consents, by lawful bases, or because somebody was
    offered to it with what led there. Refs by which none of these shows anything are not looked at: what stands under
    them must not cost her time.
    """
    if reader.kind != "organisation" or reader.org is None:
        return list(known.refs)
    released = _released(reader.org, known.steps)
    holders = {ref.org for ref in known.refs if _may_show(ref.org, reader, known)}
    return [
        ref for ref in known.refs if ref.org == reader.org or ref.org in holders or (ref.org, ref.subject) in released
    ]


def _may_show(holder: str, reader: Reader, known: PathwayContext) -> bool:
    """Whether a consent or a lawful basis may let this organisation show something."""
    purpose = reader.stated.purpose
    return any(not basis.holders or holder in basis.holders for basis in known.bases) or any(
        each.given
        and each.about(reader.org or "", purpose or "")
        and (not each.holders or holder in each.holders)
        and opens(each.org, holder)
        for each in known.consents
    )


def _released(org: str, steps: Iterable[Step]) -> set[tuple[str, str]]:
    """The refs of those whom this organisation was asked to take on, and of whom it is shown what led there."""
    offers: dict[str, list[tuple[str, str]]] = {}
    asked, released = set[str](), set[str]()
    for step in steps:
        event = handoff_event(step)
        if event is None or event.handoff is None:
            continue
        if event.verb == "offered":
            offers.setdefault(event.handoff, []).append((step.org, step.subject))
        if event.to == org:
            asked.add(event.handoff)
        if event.said.get("context_released") and event.handoff.startswith(f"{event.org}:"):
            released.add(event.handoff)
    return {ref for handoff in asked & released for ref in offers.get(handoff, ())}


class FirstContact(NamedTuple):
    """A contact that a clock may stop at: the first by this organisation from then on, which names this hand-off."""

    org: str
    since: datetime
    handoff: str | None
    """None: which names none."""


def contacts_wanted(reader: Reader, steps: Iterable[Step]) -> set[FirstContact]:
    """The contacts that clocks of hand-offs may stop at of which this reader is told; of an organisation, its own."""
    events = [event for step in steps if (event := handoff_event(step)) is not None and event.handoff is not None]
    told = {event.handoff for event in events if reader.kind != "organisation" or _is_side(reader.org, event)}
    since: dict[str | None, datetime] = {}
    for event in events:
        if event.to is not None:
            since[event.handoff] = min(event.time, since.get(event.handoff, event.time))
    asked = {(event.to, event.handoff) for event in events if event.to is not None and event.handoff in told}
    accepted = {
        FirstContact(event.org, event.time, None)
        for event in events
        if event.verb == "accepted" and event.handoff in told
    }
    return accepted | {FirstContact(org, since[handoff], handoff) for org, handoff in asked}


def _is_side(org: str | None, event: HandoffEvent) -> bool:
    return org is not None and (org in (event.to, event.org) or (event.handoff or "").startswith(f"{org}:"))
