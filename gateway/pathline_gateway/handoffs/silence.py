"""When a notice of silence is due: once for each stage and deadline, and once when it is over. Pure.

A receiver is silent only when the gateway has everything that it published up to the deadline. The deadline must
have been known before it passed: nobody waited here for the answer to an offer imported later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, Stage
from pathline_gateway.handoffs.open_stages import UNRESTRICTED_AUDIENCE, OpenStages

Kind = Literal["silent", "answered"]

TYPES: Final[dict[Kind, str]] = {
    "silent": "org.pathline.handoff.silent.v1",
    "answered": "org.pathline.handoff.answered.v1",
}
SOURCE: Final = "urn:pathline:pathline:watchdog"
"""Who says it."""


class SilenceNotice(NamedTuple):
    """A row of `handoff_notice`, without its id and when it was raised."""

    kind: Kind
    handoff: str
    stage: Stage
    due_at: datetime
    sender: str
    receiver: str
    offer_ref: int
    answered_at: datetime | None
    audience: str = UNRESTRICTED_AUDIENCE
    """The side that alone is told it, by what it may know."""

    def notice_id(self, secret: bytes) -> str:
        """The same for the same silence and audience, whoever raises it; it tells nothing of the hand-off's own id."""
        audience_part = () if self.audience == UNRESTRICTED_AUDIENCE else (self.audience,)
        message = "\n".join((self.kind, self.handoff, self.stage, self.due_at.isoformat(), *audience_part))
        return hashlib.blake2b(message.encode(), key=secret[:64], digest_size=16).hexdigest()


def find_silences(
    open_stages: OpenStages, already_sent: Collection[tuple[Stage, datetime]], known_until: datetime, grace: timedelta
) -> list[SilenceNotice]:
    """The notices that are due about a hand-off whose observable receiver is known up to this instant.

    `already_sent`: stages and deadlines of which this audience had a notice before.
    """
    notices = []
    for stage in STAGES:
        due, due_known_at = open_stages.due_at(stage), open_stages.due_known_at(stage)
        if due is None or due_known_at is None or open_stages.receiver is None or open_stages.offer_ref is None:
            continue
        is_silent = (
            open_stages.answered_at(stage) is None and due_known_at <= due and known_until > instant.add(due, grace)
        )
        if is_silent and (stage, due) not in already_sent:
            parties = (open_stages.sender, open_stages.receiver, open_stages.offer_ref)
            notices.append(
                SilenceNotice("silent", open_stages.handoff, stage, due, *parties, None, open_stages.audience)
            )
    return notices


def find_ended_silences(open_stages: OpenStages | None, sent: Iterable[SilenceNotice]) -> list[SilenceNotice]:
    """Which of these silences are over: answered, or no longer waited for; None where nothing is left of it."""
    ended = []
    for notice in sent:
        answered = None if open_stages is None else open_stages.answered_at(notice.stage)
        if open_stages is None or answered is not None or open_stages.due_at(notice.stage) != notice.due_at:
            ended.append(notice._replace(kind="answered", answered_at=answered))
    return ended
