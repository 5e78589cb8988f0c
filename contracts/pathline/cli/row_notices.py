"""What somebody should know of a file although no row of it is refused: names for identifiers, and days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from pathline import instant
from pathline.rows.identifier import looks_like_name


@dataclass
class RowNotices:
    """What was noticed so far."""

    name_line: int | None = None
    """The first line whose identifier looks like a name."""
    oldest: date | None = None
    newest: date | None = None
    latest: datetime = instant.EARLIEST

    def observe(self, line: int, identifier: str, at: datetime) -> None:
        """Takes a row into account."""
        if self.name_line is None and looks_like_name(identifier):
            self.name_line = line
        day = at.date()
        self.oldest = day if self.oldest is None else min(self.oldest, day)
        self.newest = day if self.newest is None else max(self.newest, day)
        self.latest = max(self.latest, at)

    def warnings(self, now: datetime) -> list[str]:
        """What is to be looked at; no value of the file but days."""
        found = []
        if self.name_line is not None:
            found.append(
                f"line {self.name_line}: the identifier looks like a name, which two people may have. Use the number "
                "that your system gives, or --case with several columns, such as name and date of birth"
            )
        if self.newest is not None and self.latest > now.astimezone(UTC):
            found.append(f"the newest row is of {self.newest}, which lies ahead; is --time the right column?")
        return found
