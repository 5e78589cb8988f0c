"""What a receiver does with a hand-off, as it is written at the desk, and what is published of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from pathline import instant
from pathline.interaction import Interaction, interaction
from pathline.vocabulary import (
    HandoffAccepted,
    HandoffCompleted,
    HandoffDeclined,
    HandoffRedirected,
    HandoffSeen,
    IdentityLinked,
)
from pathline.vocabulary.handoffs import Reason
from pathline_gateway.desk.form_fields import DeskForm, token_digest
from pathline_gateway.desk.publisher import desk_source
from pathline_gateway.handoffs.deadlines import HandoffStatus

REASONS: Final = {each: each.replace("-", " ") for each in get_args(Reason)}
OUTCOMES: Final = {"met": "the need is met", "partly-met": "it is partly met", "not-met": "it is not met"}
_MIN_GAP: Final = timedelta(milliseconds=1)

_UNANSWERED_STATES: Final = ("requested", "received")
_ACCEPTED_STATES: Final = ("accepted", "in-progress", "on-hold")


def possible_verbs(handoff: HandoffStatus) -> tuple[str, ...]:
    """What may be done with it as it stands."""
    if handoff.lifecycle.state in _UNANSWERED_STATES:
        seen_verb = ("seen",) if handoff.lifecycle.state == "requested" else ()
        return (*seen_verb, "accepted", "declined", "redirected")
    return ("completed",) if handoff.lifecycle.state in _ACCEPTED_STATES else ()


def parse_answer(form: DeskForm, verb: str, handoff: HandoffStatus, org: str) -> dict[str, Any]:
    """What the form says, under the names of the payload, where nothing is wrong with it."""
    payload: dict[str, Any] = {"handoff": handoff.lifecycle.handoff, "actor": "staff", "initiator": "organisation"}
    form.subject(required=verb == "accepted")
    if verb == "accepted":
        payload["token"] = _read_token(form, handoff, required=True)
        payload["service"] = form.code("service", "Write one of your services in a few words, such as debt advice.")
    elif verb == "declined":
        payload["reason"] = form.choice("reason", REASONS, "Choose why.")
        payload["token"] = _read_token(form, handoff, required=False)
    elif verb == "redirected":
        to = form.organisation("to", org)
        payload["to"] = {"org": to, "service": form.code("to-service", "Write the service in a few words.")}
        payload["token_sha256"] = token_digest(form.new_token()).hex()
    elif verb == "completed":
        payload["outcome"] = form.choice("outcome", OUTCOMES, "Choose what became of it.")
    return payload


def _read_token(form: DeskForm, handoff: HandoffStatus, *, required: bool) -> str | None:
    """The code on the slip; where the offer knows of none, one that redeems nothing, since the contract wants one."""
    if handoff.lifecycle.token is None:
        return secrets.token_urlsafe(24) if required else None
    if not form.text("token") and not required:
        return None
    token = form.read_slip_code(handoff.lifecycle.token)
    if token is None:
        form.wrong |= {"token": "This is not the code of this hand-off: look at the slip, and write it again."}
    return token


def build_interactions(
    verb: str,
    payload_fields: Mapping[str, Any],
    handoff: HandoffStatus,
    subject: str,
    placeholder: str,
    org: str,
    form_id: str,
    now: datetime,
) -> list[Interaction[Any]]:
    """What is published: the answer, and, once she is known, that an earlier answer was about her as well."""
    at = max(
        (now, *(instant.add(event.time, _MIN_GAP) for event in handoff.lifecycle.transitions if not event.is_interval))
    )
    model = {m.verb: m for m in (HandoffSeen, HandoffAccepted, HandoffDeclined, HandoffRedirected, HandoffCompleted)}
    payload = model[verb].model_validate({name: value for name, value in payload_fields.items() if value is not None})
    published_subject = subject or _last_subject(handoff, org) or placeholder
    answer = interaction(payload, source=desk_source(org), subject=published_subject, time=at, id=f"desk-{form_id}")
    if published_subject == placeholder or not _has_answered_as(handoff, org, placeholder):
        return [answer]
    link_fields = {
        "same": [{"org": org, "subject": name} for name in (placeholder, published_subject)],
        "method": "record-key",
    }
    link = IdentityLinked.model_validate(link_fields)
    return [
        answer,
        interaction(link, source=desk_source(org), subject=published_subject, time=at, id=f"desk-{form_id}-same"),
    ]


def _last_subject(handoff: HandoffStatus, org: str) -> str | None:
    """By what pseudonym the organisation answered last."""
    return next((event.subject for event in reversed(handoff.lifecycle.transitions) if event.org == org), None)


def _has_answered_as(handoff: HandoffStatus, org: str, subject: str) -> bool:
    return any((event.org, event.subject) == (org, subject) for event in handoff.lifecycle.transitions)
