"""A contact as somebody writes it down, and what is published of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from pathline.interaction import Interaction, interaction
from pathline.vocabulary import ContactMade, NeedExpressed, Payload
from pathline.vocabulary.codes import Channel, NeedCode
from pathline_gateway.desk.form_fields import Form, When
from pathline_gateway.desk.publisher import source

KINDS: Final = {
    "enquiry": "they asked for help or information",
    "inform": "we told them something",
    "chase": "they asked where something stands",
    "correct": "something was put right",
    "complain": "they complained",
    "other": "something else",
}
"""What a contact was for, in plain words."""
CHANNELS: Final = {each: each.replace("-", " ") for each in get_args(Channel)}
NEEDS: Final = {each: each.replace("-", " ") for each in get_args(NeedCode)}


@dataclass(frozen=True, slots=True)
class ContactEntry:
    """One contact."""

    subject: str
    kind: str
    channel: str | None
    service: str | None
    when: When
    needs: tuple[str, ...]
    handoff: str | None
    once: str

    def about(self, handoff: str | None) -> ContactEntry:
        """The same, with the id of the hand-off in place of what it is called on pages."""
        return replace(self, handoff=handoff)

    def interactions(self, org: str, now: datetime) -> list[Interaction[Any]]:
        """What is published: the contact, and each need that was expressed. The same form, the same ids."""
        made = {"kind": self.kind, "needs": self.needs or None}
        contact = self._of(ContactMade.model_validate(self._here | made), f"desk-{self.once}", org, now)
        return [contact, *(self._need(code, org, now) for code in self.needs)]

    @property
    def _here(self) -> dict[str, Any]:
        place = {"service": self.service, "channel": self.channel, "precision": self.when.precision}
        return place | {"handoff": self.handoff, "actor": "staff"}

    def _need(self, code: str, org: str, now: datetime) -> Interaction[Any]:
        id = f"desk-{self.once}-{code}"
        said = {"need": id, "code": code, "by": "citizen"}
        return self._of(NeedExpressed.model_validate(self._here | said), id, org, now)

    def _of(self, payload: Payload, id: str, org: str, now: datetime) -> Interaction[Any]:
        return interaction(
            payload, source=source(org), subject=self.subject, time=self.when.time, id=id, recordedtime=now
        )


def read(form: Form, handoffs: Collection[str], now: datetime, zone: ZoneInfo) -> ContactEntry:
    """The contact that the form tells of, where nothing is wrong with it. `handoffs`: those it may be about."""
    subject = form.subject()
    kind = form.one_of("kind", KINDS, "Choose what it was about.")
    channel = form.one_of("channel", ("", *CHANNELS), "Choose how you met.")
    service = form.code("service", "Write one of your services in a few words, such as food parcels.")
    handoff = form.one_of("handoff", ("", *handoffs), "Choose one of the hand-offs, or none.")
    needs = tuple(each for each in NEEDS if form.text(f"need-{each}"))
    when = form.when(now, zone)
    return ContactEntry(subject, kind, channel or None, service, when, needs, handoff or None, form.once())
