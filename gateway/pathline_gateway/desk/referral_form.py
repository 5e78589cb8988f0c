"""A hand-off as somebody offers it at the desk, and what is published of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pathline.interaction import Interaction, interaction
from pathline.vocabulary import HandoffOffered
from pathline_gateway.desk.contact_form import NEEDS
from pathline_gateway.desk.form_fields import Form, digest
from pathline_gateway.desk.publisher import source

DAYS: Final = ("1", "2", "3", "5", "7", "10", "14", "21", "28")
"""Days until an answer is expected; a contact a week later."""
_CONTACT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Referral:
    """One hand-off, and the code on its slip."""

    subject: str
    to: str
    service: str | None
    need: str
    days: int
    released: bool
    token: str
    once: str

    def handoff(self, org: str) -> str:
        """Its id."""
        return f"{org}:desk-{self.once}"

    def interaction(self, org: str, now: datetime) -> Interaction[Any]:
        """What is published: of the code no more than its hash."""
        accept = now + timedelta(days=self.days)
        said = {
            "handoff": self.handoff(org),
            "to": {"org": self.to} | ({"service": self.service} if self.service else {}),
            "need": self.need,
            "token_sha256": digest(self.token).hex(),
            "due": {"accept": accept, "contact": accept + _CONTACT},
            "context_released": self.released,
            "initiator": "organisation",
            "actor": "staff",
        } | ({"authority": {"basis": "consent"}} if self.released else {})
        payload = HandoffOffered.model_validate(said)
        return interaction(payload, source=source(org), subject=self.subject, time=now, id=f"desk-{self.once}")


def read(form: Form, org: str) -> Referral:
    """The hand-off that the form tells of, where nothing is wrong with it."""
    return Referral(
        form.subject(),
        form.organisation("to", org),
        form.code("to-service", "Write the service in a few words, or leave it empty."),
        form.one_of("need", NEEDS, "Choose what they are sent for."),
        int(form.one_of("days", DAYS, "Choose by when an answer is expected.") or 0),
        bool(form.text("released")),
        form.new_token(),
        form.once(),
    )
