"""When silence is spoken of: once for each stage and due instant, and once more when it is over. Pure.

Silence may be said of a receiver only when everything that it published up to the due instant would be known by now,
and only when that instant was known before it passed: what is imported later was never waited for here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from pathline import instant
from pathline_gateway.handoff.clocks import STAGES, Stage
from pathline_gateway.handoff.record import HandoffRecord

Kind = Literal["silent", "answered"]

TYPES: Final[dict[Kind, str]] = {
    "silent": "org.pathline.handoff.silent.v1",
    "answered": "org.pathline.handoff.answered.v1",
}
SOURCE: Final = "urn:pathline:pathline:watchdog"
"""Who says it."""


class Notice(NamedTuple):
    """A row of `handoff_notice`, without its id and when it was raised."""

    kind: Kind
    handoff: str
    stage: Stage
    due: datetime
    sender: str
    receiver: str
    ref: int
    answered: datetime | None

    def id(self, secret: bytes) -> str:
        """The same for the same silence, whoever raises it, and telling nothing of the hand-off's own id."""
        said = "\n".join((self.kind, self.handoff, self.stage, self.due.isoformat()))
        return hashlib.blake2b(said.encode(), key=secret[:64], digest_size=16).hexdigest()


def silences(
    record: HandoffRecord, spoken_of: Collection[tuple[Stage, datetime]], until: datetime, grace: timedelta
) -> list[Notice]:
    """What is to be said of a hand-off whose observable receiver is known up to this instant.

    `spoken_of`: stages and due instants of which silence was said before.
    """
    found = []
    for stage in STAGES:
        due, known = record.due(stage), record.known(stage)
        if due is None or known is None or record.receiver is None or record.ref is None:
            continue
        waited = record.answered(stage) is None and known <= due and until > instant.after(due, grace)
        if waited and (stage, due) not in spoken_of:
            found.append(Notice("silent", record.handoff, stage, due, record.sender, record.receiver, record.ref, None))
    return found


def answers(record: HandoffRecord | None, spoken_of: Iterable[Notice]) -> list[Notice]:
    """Which of these silences are over: answered, or no longer waited for; `record` is None where nothing is left."""
    over = []
    for notice in spoken_of:
        answered = None if record is None else record.answered(notice.stage)
        if record is None or answered is not None or record.due(notice.stage) != notice.due:
            over.append(notice._replace(kind="answered", answered=answered))
    return over
