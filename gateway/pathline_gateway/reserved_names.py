"""Names that no organisation may have: the gateway speaks under them itself."""

from __future__ import annotations

import re
from typing import Final

from pathline_gateway.identity.rights import CITIZENS, OURS

_DOOR: Final = re.compile(r"door-[0-9]+", re.ASCII)
"""The topics of the door are called so: whoever was called so would share them with everybody."""
RESERVED: Final = frozenset((OURS, CITIZENS, "pathline-gateway", "nobody", "unknown"))
"""The gateway, people's own accounts, and words that stand on pages and in metrics where there is no organisation."""


def is_reserved(name: str) -> bool:
    """Whether no organisation may be called so."""
    return name in RESERVED or _DOOR.fullmatch(name) is not None
