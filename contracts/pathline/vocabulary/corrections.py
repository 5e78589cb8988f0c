"""Voids and corrections of one's own earlier events; both append, neither overwrites."""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, JsonValue
from pydantic_core import PydanticCustomError

from pathline.vocabulary.identifiers import Identifier
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.strict_model import StrictModel
from pathline.vocabulary.time_types import Instant

Reason = Literal["entered-in-error", "wrong-person", "wrong-time", "wrong-content", "other"]


def _require_finite(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        # Written once as it is and read again with each whole number as a double: both as any reader would.
        json.loads(json.dumps(data, allow_nan=False), parse_int=_parse_double)
    except (ValueError, OverflowError):
        raise PydanticCustomError("not_finite", "Write finite numbers: JSON has no NaN and no infinity") from None
    return data


def _parse_double(digits: str) -> float:
    """Raises OverflowError where no double is so large: most readers of JSON know no other numbers."""
    return float(int(digits))


class _Interaction(Payload, noun="interaction"):
    """Something is known of an earlier event of the same organisation; never a step itself."""

    source: Identifier
    """The `source` of that event."""
    id: Identifier
    """The `id` of that event."""
    reason: Reason
    """What is wrong with it."""


class InteractionVoided(_Interaction, verb="voided"):
    """An earlier event counts nowhere."""


class Replacement(StrictModel):
    """What an event should have said."""

    time: Instant | None = None
    """When it happened; as before when absent."""
    data: Annotated[dict[str, JsonValue], AfterValidator(_require_finite)]
    """The whole new payload, which must keep the contract of the event's type."""


class InteractionCorrected(_Interaction, verb="corrected"):
    """An earlier event counts as if it had said something else."""

    replacement: Replacement
    """What it should have said."""
