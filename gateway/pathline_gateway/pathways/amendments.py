"""Voids and corrections, applied to steps as the fold meets them. Pure.

A voided interaction is no step. A corrected one stays one step under its own source and id, with the replacement's time
and data. Of several corrections the last in order (time, source, sequence, id) wins, and voided beats corrected. A
correction whose replacement breaks the contract of its target's type corrects nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from pydantic import ValidationError

from pathline import instant
from pathline.errors import InvalidData
from pathline.interaction import Catalogue, check_handoff
from pathline.vocabulary import TYPES
from pathline_gateway.pathways.step import Step

Identity = tuple[str, str]
"""Source and id of an event."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """A void (no data) or a correction of one's own earlier interaction."""

    source: str
    id: str
    time: datetime
    sequence: str | None
    target: Identity
    data: bytes | None
    sent_data: bytes | None = None
    """As it was sent, where its publisher used names of her own."""

    @property
    def sort_key(self) -> tuple[datetime, str, bool, str, str]:
        """Where it stands among others about the same interaction."""
        return self.time, self.source, self.sequence is not None, self.sequence or "", self.id


def apply_amendments(
    steps: Iterable[Step], amendments: Iterable[Amendment], catalogue: Catalogue = TYPES
) -> list[Step]:
    """The steps as their publishers now say they were."""
    by_target: defaultdict[Identity, list[Amendment]] = defaultdict(list)
    for amendment in amendments:
        by_target[amendment.target].append(amendment)
    if not by_target:
        return list(steps)
    amended_steps = (_amend(step, by_target.get((step.source, step.id), ()), catalogue) for step in steps)
    return [step for step in amended_steps if step is not None]


def _amend(step: Step, amendments: Sequence[Amendment], catalogue: Catalogue) -> Step | None:
    if any(a.data is None for a in amendments):
        return None
    for correction in sorted(amendments, key=lambda a: a.sort_key, reverse=True):
        corrected = _correct(step, correction, catalogue)
        if corrected is not None:
            return corrected
    return step


def _correct(step: Step, correction: Amendment, catalogue: Catalogue) -> Step | None:
    replacement = _replacement_in(correction.data or b"{}")
    data = orjson.dumps(replacement["data"])
    try:
        payload = catalogue[step.type].model_validate_json(data)
        check_handoff(payload, step.org)
    except (ValidationError, InvalidData):
        return None
    time = replacement.get("time")
    return step._replace(
        time=instant.parse(time) if isinstance(time, str) else step.time,
        service=payload.service,
        channel=payload.channel,
        activity=getattr(payload, "activity", None),
        initiator=payload.initiator,
        actor=payload.actor,
        data=data,
        sent_data=None if correction.sent_data is None else orjson.dumps(_replacement_in(correction.sent_data)["data"]),
        stored_time=step.stored_time or step.time,
    )


def _replacement_in(data: bytes) -> Mapping[str, object]:
    replacement: Mapping[str, object] = orjson.loads(data)["replacement"]
    return replacement
