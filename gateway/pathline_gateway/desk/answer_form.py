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
from pathline_gateway.desk.form_fields import Form, digest
from pathline_gateway.desk.publisher import source
from pathline_gateway.handoffs.deadlines import HandoffStatus

REASONS: Final = {each: each.replace("-", " ") for each in get_args(Reason)}
OUTCOMES: Final = {"met": "the need is met", "partly-met": "it is partly met", "not-met": "it is not met"}
_AFTER: Final = timedelta(milliseconds=1)

_ASKED: Final = ("requested", "received")
_TAKEN: Final = ("accepted", "in-progress", "on-hold")


def possible(each: HandoffStatus) -> tuple[str, ...]:
    """What may be done with it as it stands."""
    if each.life.state in _ASKED:
        seen = ("seen",) if each.life.state == "requested" else ()
        return (*seen, "accepted", "declined", "redirected")
    return ("completed",) if each.life.state in _TAKEN else ()


def read(form: Form, verb: str, each: HandoffStatus, org: str) -> dict[str, Any]:
    """What the form says, under the names of the payload, where nothing is wrong with it."""
    said: dict[str, Any] = {"handoff": each.life.handoff, "actor": "staff", "initiator": "organisation"}
    form.subject(required=verb == "accepted")
    if verb == "accepted":
        said["token"] = _token(form, each, required=True)
        said["service"] = form.code("service", "Write one of your services in a few words, such as debt advice.")
    elif verb == "declined":
        said["reason"] = form.one_of("reason", REASONS, "Choose why.")
        said["token"] = _token(form, each, required=False)
    elif verb == "redirected":
        to = form.organisation("to", org)
        said["to"] = {"org": to, "service": form.code("to-service", "Write the service in a few words.")}
        said["token_sha256"] = digest(form.new_token()).hex()
    elif verb == "completed":
        said["outcome"] = form.one_of("outcome", OUTCOMES, "Choose what became of it.")
    return said


def _token(form: Form, each: HandoffStatus, *, required: bool) -> str | None:
    """The code on the slip; where the offer knows of none, one that redeems nothing, since the contract wants one."""
    if each.life.token is None:
        return secrets.token_urlsafe(24) if required else None
    if not form.text("token") and not required:
        return None
    found = form.slip_code(each.life.token)
    if found is None:
        form.wrong |= {"token": "This is not the code of this hand-off: look at the slip, and write it again."}
    return found


def interactions(
    verb: str,
    said: Mapping[str, Any],
    each: HandoffStatus,
    subject: str,
    placeholder: str,
    org: str,
    once: str,
    now: datetime,
) -> list[Interaction[Any]]:
    """What is published: the answer, and, once she is known, that an earlier answer was about her as well."""
    at = max((now, *(instant.after(event.time, _AFTER) for event in each.life.legal if not event.coarse)))
    model = {m.verb: m for m in (HandoffSeen, HandoffAccepted, HandoffDeclined, HandoffRedirected, HandoffCompleted)}
    payload = model[verb].model_validate({name: value for name, value in said.items() if value is not None})
    who = subject or _known_as(each, org) or placeholder
    answer = interaction(payload, source=source(org), subject=who, time=at, id=f"desk-{once}")
    if who == placeholder or not _answered_as(each, org, placeholder):
        return [answer]
    same = {"same": [{"org": org, "subject": name} for name in (placeholder, who)], "method": "record-key"}
    link = IdentityLinked.model_validate(same)
    return [answer, interaction(link, source=source(org), subject=who, time=at, id=f"desk-{once}-same")]


def _known_as(each: HandoffStatus, org: str) -> str | None:
    """By what pseudonym the organisation answered last."""
    return next((event.subject for event in reversed(each.life.legal) if event.org == org), None)


def _answered_as(each: HandoffStatus, org: str, subject: str) -> bool:
    return any((event.org, event.subject) == (org, subject) for event in each.life.legal)
