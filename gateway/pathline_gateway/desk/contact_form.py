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
from pathline_gateway.desk.form_fields import DeskForm, EnteredTime
from pathline_gateway.desk.publisher import desk_source

CONTACT_KINDS: Final = {
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
    occurred: EnteredTime
    needs: tuple[str, ...]
    handoff: str | None
    form_id: str

    def with_handoff(self, handoff: str | None) -> ContactEntry:
        """The same, with the id of the hand-off in place of what it is called on pages."""
        return replace(self, handoff=handoff)

    def build_interactions(self, org: str, now: datetime) -> list[Interaction[Any]]:
        """What is published: the contact, and each need that was expressed. The same form, the same ids."""
        contact_fields = {"kind": self.kind, "needs": self.needs or None}
        contact = self._build_interaction(
            ContactMade.model_validate(self._common_fields | contact_fields), f"desk-{self.form_id}", org, now
        )
        return [contact, *(self._build_need(code, org, now) for code in self.needs)]

    @property
    def _common_fields(self) -> dict[str, Any]:
        fields = {"service": self.service, "channel": self.channel, "precision": self.occurred.precision}
        return fields | {"handoff": self.handoff, "actor": "staff"}

    def _build_need(self, code: str, org: str, now: datetime) -> Interaction[Any]:
        id = f"desk-{self.form_id}-{code}"
        need_fields = {"need": id, "code": code, "by": "citizen"}
        return self._build_interaction(NeedExpressed.model_validate(self._common_fields | need_fields), id, org, now)

    def _build_interaction(self, payload: Payload, id: str, org: str, now: datetime) -> Interaction[Any]:
        return interaction(
            payload, source=desk_source(org), subject=self.subject, time=self.occurred.time, id=id, recordedtime=now
        )


def parse_contact(form: DeskForm, handoffs: Collection[str], now: datetime, zone: ZoneInfo) -> ContactEntry:
    """The contact that the form tells of, where nothing is wrong with it. `handoffs`: those it may be about."""
    subject = form.subject()
    kind = form.choice("kind", CONTACT_KINDS, "Choose what it was about.")
    channel = form.choice("channel", ("", *CHANNELS), "Choose how you met.")
    service = form.code("service", "Write one of your services in a few words, such as food parcels.")
    handoff = form.choice("handoff", ("", *handoffs), "Choose one of the hand-offs, or none.")
    needs = tuple(each for each in NEEDS if form.text(f"need-{each}"))
    occurred = form.occurred(now, zone)
    return ContactEntry(subject, kind, channel or None, service, occurred, needs, handoff or None, form.submission_id())
