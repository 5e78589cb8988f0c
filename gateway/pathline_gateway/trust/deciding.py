"""Which steps decide what an organisation sees of others': those of hand-offs and of mandates. Pure.

A step that is none of these is seen, or is not, for what it says itself: it changes nothing for any other step. So who
asks for a few steps needs these few and those that decide, and not the whole pathway; `visible` is asked, as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.event import handoff_event
from pathline_gateway.identity.binding import Ref
from pathline_gateway.trust.fields import fields_of, named
from pathline_gateway.trust.reader import Reader
from pathline_gateway.trust.told import told
from pathline_gateway.trust.visible import Known

_OFFERED: Final = "org.pathline.handoff.offered."
_PREFIXES: Final = ("org.pathline.handoff.", "org.pathline.mandate.")


def decides(step: Step) -> bool:
    """Whether what is seen of other steps may hang on this one."""
    return step.type.startswith(_PREFIXES)


def asked_by(step: Step) -> str | None:
    """The organisation that this step of a hand-off asks to take a person on."""
    event = handoff_event(step)
    return None if event is None else event.to


def named_events(step: Step) -> Iterator[tuple[str, str]]:
    """Source and id of each event that the step refers to."""
    said = told(step)
    for event in named(fields_of(step.type), said.said, "event"):
        yield event["source"], event["id"]


def reach(reader: Reader, known: Known) -> list[Ref]:
    """The refs under which any step that does not decide may be shown to her: those, and perhaps some besides.

    An organisation has its own. Of others' it is shown something by consents, by lawful bases, or because somebody was
    offered to it with what led there; where there are none of these, it is shown nothing.
    """
    if reader.kind != "organisation" or known.consents or known.bases:
        return list(known.refs)
    offering = {(step.org, step.subject) for step in known.steps if step.type.startswith(_OFFERED)}
    return [ref for ref in known.refs if ref.org == reader.org or (ref.org, ref.subject) in offering]
