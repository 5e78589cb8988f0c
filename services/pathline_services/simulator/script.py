"""The script of one life: its clock, its dice, and what was done at which desk."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any, Final

from pathline_services import desk
from pathline_services.reference import SERVICES, subject

ZONE: Final = timezone(timedelta(hours=10))
"""Where the lives are lived."""

OPENS, CLOSES = 9, 16
"""Office hours, on working days."""

TOKEN_BYTES: Final = 18
"""Makes 24 characters of token."""


@dataclass(frozen=True, slots=True)
class Act:
    """One visit at one organisation's desk."""

    org: str
    visit: desk.Visit

    @property
    def at(self) -> datetime:
        return self.visit.at


def midnight(now: datetime) -> datetime:
    """The last midnight: lives end there, so that the same day always has the same lives."""
    return now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


class Script:
    """A life that is being written. Days are working days; what is written after `until` does not happen (yet)."""

    def __init__(self, name: str, dice: Random, start: datetime, until: datetime) -> None:
        self.name = f"{until:%y%m%d}-{name}"
        self.clock = start
        self.until = until
        self.known: dict[str, None] = {}
        """The organisations that know her, in the order in which she came to them."""
        self.linked: set[str] = set()
        """Those that she has linked with her own account."""
        self._dice = dice
        self._acts: list[Act] = []
        self._slips = 0
        self._person: dict[str, str] = {}

    @property
    def acts(self) -> list[Act]:
        """What happened until the end, in time order."""
        return sorted((act for act in self._acts if act.at < self.until), key=lambda act: act.at)

    def known_as(self, org: str, number: str) -> None:
        """This organisation has the given number for her."""
        self._person[org] = number

    def chance(self, share: float) -> bool:
        return self._dice.random() < share

    def whole(self, least: int, most: int) -> int:
        return self._dice.randint(least, most)

    def days(self, least: float, most: float) -> None:
        """Days pass; it is office hours again."""
        before = self.clock
        day = midnight(before) + timedelta(days=max(1, round(self._dice.uniform(least, most))))
        while day.weekday() > 4:
            day += timedelta(days=1)
        self.clock = day + timedelta(seconds=self._dice.randrange(OPENS * 3600, CLOSES * 3600))

    def minutes(self, least: int, most: int) -> None:
        """She is still there, or back at home the same day."""
        self.clock += timedelta(seconds=self._dice.randint(least * 60, most * 60))

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """What is written inside happens while the rest goes on: the clock goes back afterwards."""
        now = self.clock
        yield
        self.clock = now

    def at(self, org: str, what: str, **ticked: Any) -> str:
        """Something happens at a desk; returns the id of the first interaction that it leads to."""
        number = f"visit-{self.name}-{len(self._acts):03d}"
        person = self._person.get(org, f"{org}-{self.name}")
        ticked.setdefault("matter", f"case-{self.name}")
        visit = SERVICES[org].VISIT.model_validate(
            {"visit": number, "person": person, "at": self.clock, "what": what, **ticked}
        )
        self._acts.append(Act(org, visit))
        self.known.setdefault(org)
        return f"{number}-0"

    def send(self, org: str, to: str, need: str, days: int = 5) -> desk.Slip:
        """She is sent from one organisation to another, which is asked to answer within so many days."""
        self._slips += 1
        on_pathline = to in SERVICES
        code = base64.urlsafe_b64encode(self._dice.randbytes(TOKEN_BYTES)).decode() if on_pathline else None
        slip = desk.Slip(number=f"{org}:slip-{self.name}-{self._slips}", code=code)
        self.at(org, "sent on", to=to, need=need, slip=slip, days=days)
        return slip

    def subject(self, org: str) -> str:
        """Her pseudonym at this organisation, as its own web site shows it to her."""
        return subject(org, self._person.get(org, f"{org}-{self.name}"))
