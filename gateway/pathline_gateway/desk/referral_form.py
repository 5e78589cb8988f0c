"""A hand-off as somebody offers it at the desk, and what is published of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pathline.interaction import Interaction, interaction
from pathline.vocabulary import HandoffOffered
from pathline_gateway.desk.contact_form import NEEDS
from pathline_gateway.desk.form_fields import DeskForm, token_digest
from pathline_gateway.desk.publisher import desk_source

ANSWER_DAYS: Final = ("1", "2", "3", "5", "7", "10", "14", "21", "28")
"""Days until an answer is expected; a contact a week later."""
_CONTACT_DELAY: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Referral:
    """One hand-off, and the code on its slip."""

    subject: str
    receiver: str
    service: str | None
    need: str
    days: int
    context_released: bool
    token: str
    form_id: str

    def handoff_id(self, org: str) -> str:
        """Its id."""
        return f"{org}:desk-{self.form_id}"

    def build_interaction(self, org: str, now: datetime) -> Interaction[Any]:
        """What is published: of the code no more than its hash."""
        answer_due = now + timedelta(days=self.days)
        payload_fields = {
            "handoff": self.handoff_id(org),
            "to": {"org": self.receiver} | ({"service": self.service} if self.service else {}),
            "need": self.need,
            "token_sha256": token_digest(self.token).hex(),
            "due": {"accept": answer_due, "contact": answer_due + _CONTACT_DELAY},
            "context_released": self.context_released,
            "initiator": "organisation",
            "actor": "staff",
        } | ({"authority": {"basis": "consent"}} if self.context_released else {})
        payload = HandoffOffered.model_validate(payload_fields)
        return interaction(payload, source=desk_source(org), subject=self.subject, time=now, id=f"desk-{self.form_id}")


def parse_referral(form: DeskForm, org: str) -> Referral:
    """The hand-off that the form tells of, where nothing is wrong with it."""
    return Referral(
        form.subject(),
        form.organisation("to", org),
        form.code("to-service", "Write the service in a few words, or leave it empty."),
        form.choice("need", NEEDS, "Choose what they are sent for."),
        int(form.choice("days", ANSWER_DAYS, "Choose by when an answer is expected.") or 0),
        bool(form.text("released")),
        form.new_token(),
        form.submission_id(),
    )
