"""Names that no organisation may have: the gateway speaks under them itself."""

from __future__ import annotations

import re
from typing import Final

OWN_ORGANISATION = "pathline"
"""The gateway's own organisation, whose word decides: it writes through the door's topics alone."""

CITIZEN_ORGANISATION = "citizen"
"""The organisation of people's own accounts: each publishes there for herself, through the door."""

REVIEW_SOURCE = "urn:pathline:pathline:review"
"""The source of what reviewers decide. Only the gateway itself publishes under its organisation."""

ACCOUNT_SOURCE = "urn:pathline:citizen:me"
"""The source of what citizens do."""
_DOOR_NAME: Final = re.compile(r"door-[0-9]+", re.ASCII)
"""The topics of the door are called so: whoever was called so would share them with everybody."""
RESERVED_NAMES: Final = frozenset(
    (OWN_ORGANISATION, CITIZEN_ORGANISATION, "pathline-gateway", "nobody", "unknown", "keyed")
)
"""The gateway, and people's own accounts. Words that stand on pages and in metrics where there is no organisation. And
`keyed`: the names of one reader begin so."""


def is_reserved(name: str) -> bool:
    """Whether no organisation may be called so."""
    return name in RESERVED_NAMES or _DOOR_NAME.fullmatch(name) is not None
