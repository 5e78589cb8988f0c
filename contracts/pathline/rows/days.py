"""Days that somebody should look at before they are sent. Pure."""

from __future__ import annotations

from datetime import date
from typing import Final

OLD_DAYS: Final = 731
"""Two years, in days: what is older may be a day of birth, or the wrong century."""


def is_unusual_day(day: date, today: date) -> bool:
    """Whether this day is older than two years, or lies ahead."""
    return day > today or (today - day).days > OLD_DAYS
