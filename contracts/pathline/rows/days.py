"""Days that somebody should look at before they are sent. Pure."""

from __future__ import annotations

from typing import Final

OLD_DAYS: Final = 731
"""Two years, in days: what is older may be a day of birth, or the wrong century."""
