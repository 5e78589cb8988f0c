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

OPENING_HOUR, CLOSING_HOUR = 9, 16
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

    def __init__(self, name: str, random: Random, start: datetime, until: datetime) -> None:
        self.name = f"{until:%y%m%d}-{name}"
        self.clock = start
        self.until = until
        self.known_orgs: dict[str, None] = {}
        """The organisations that know her, in the order in which she came to them."""
        self.linked_orgs: set[str] = set()
        """Those that she has linked with her own account."""
        self._random = random
        self._acts: list[Act] = []
        self._slips = 0
        self._person_numbers: dict[str, str] = {}

    @property
    def acts(self) -> list[Act]:
        """What happened until the end, in time order."""
        return sorted((act for act in self._acts if act.at < self.until), key=lambda act: act.at)

    def set_person_number(self, org: str, number: str) -> None:
        """This organisation has the given number for her."""
        self._person_numbers[org] = number

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def random_integer(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def pass_days(self, least: float, most: float) -> None:
        """Days pass; it is office hours again."""
        before = self.clock
        day = midnight(before) + timedelta(days=max(1, round(self._random.uniform(least, most))))
        while day.weekday() > 4:
            day += timedelta(days=1)
        self.clock = day + timedelta(seconds=self._random.randrange(OPENING_HOUR * 3600, CLOSING_HOUR * 3600))

    def pass_minutes(self, least: int, most: int) -> None:
        """She is still there, or back at home the same day."""
        self.clock += timedelta(seconds=self._random.randint(least * 60, most * 60))

    @contextmanager
    def branch(self) -> Iterator[None]:
        """What is written inside happens while the rest goes on: the clock goes back afterwards."""
        now = self.clock
        yield
        self.clock = now

    def visit_desk(self, org: str, what: str, **fields: Any) -> str:
        """Something happens at a desk; returns the id of the first interaction that it leads to."""
        number = f"visit-{self.name}-{len(self._acts):03d}"
        person = self._person_numbers.get(org, f"{org}-{self.name}")
        fields.setdefault("matter", f"case-{self.name}")
        visit = SERVICES[org].VISIT.model_validate(
            {"visit": number, "person": person, "at": self.clock, "what": what, **fields}
        )
        self._acts.append(Act(org, visit))
        self.known_orgs.setdefault(org)
        return f"{number}-0"

    def refer(self, org: str, to: str, need: str, days: int = 5) -> desk.Slip:
        """She is sent from one organisation to another, which is asked to answer within so many days."""
        self._slips += 1
        is_on_pathline = to in SERVICES
        code = base64.urlsafe_b64encode(self._random.randbytes(TOKEN_BYTES)).decode() if is_on_pathline else None
        slip = desk.Slip(number=f"{org}:slip-{self.name}-{self._slips}", code=code)
        self.visit_desk(org, "sent on", to=to, need=need, slip=slip, days=days)
        return slip

    def subject(self, org: str) -> str:
        """Her pseudonym at this organisation, as its own web site shows it to her."""
        return subject(org, self._person_numbers.get(org, f"{org}-{self.name}"))
