"""When a notice of silence is due: once for each stage and deadline, and once when it is over. Pure.

Silence may be said of a receiver only when everything that it published up to the due instant would be known by now,
and only when that instant was known before it passed: what is imported later was never waited for here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, Stage
from pathline_gateway.handoffs.open_stages import EVERYTHING, Waiting

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
    due: datetime
    sender: str
    receiver: str
    ref: int
    answered: datetime | None
    audience: str = EVERYTHING
    """The side that alone is told it, by what it may know."""

    def id(self, secret: bytes) -> str:
        """The same for the same silence and audience, whoever raises it; it tells nothing of the hand-off's own id."""
        to = () if self.audience == EVERYTHING else (self.audience,)
        said = "\n".join((self.kind, self.handoff, self.stage, self.due.isoformat(), *to))
        return hashlib.blake2b(said.encode(), key=secret[:64], digest_size=16).hexdigest()


def silences(
    waiting: Waiting, spoken_of: Collection[tuple[Stage, datetime]], until: datetime, grace: timedelta
) -> list[SilenceNotice]:
    """What is to be said of a hand-off whose observable receiver is known up to this instant.

    `spoken_of`: stages and due instants of which silence was said to this audience before.
    """
    found = []
    for stage in STAGES:
        due, known = waiting.due(stage), waiting.known(stage)
        if due is None or known is None or waiting.receiver is None or waiting.ref is None:
            continue
        late = waiting.answered(stage) is None and known <= due and until > instant.after(due, grace)
        if late and (stage, due) not in spoken_of:
            whom = (waiting.sender, waiting.receiver, waiting.ref)
            found.append(SilenceNotice("silent", waiting.handoff, stage, due, *whom, None, waiting.audience))
    return found


def answers(waiting: Waiting | None, spoken_of: Iterable[SilenceNotice]) -> list[SilenceNotice]:
    """Which of these silences are over: answered, or no longer waited for; None where nothing is left of it."""
    over = []
    for notice in spoken_of:
        answered = None if waiting is None else waiting.answered(notice.stage)
        if waiting is None or answered is not None or waiting.due(notice.stage) != notice.due:
            over.append(notice._replace(kind="answered", answered=answered))
    return over
