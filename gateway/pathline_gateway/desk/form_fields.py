"""What forms at the desk hold, read field by field: a value, or what to write instead. Pure; never repeats a value."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pathline.interaction import SUBJECT
from pathline_gateway.auth.bearer_token import is_organisation

_ONCE: Final = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,200}", re.ASCII)
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""For a code that people copy by hand: nothing that looks like something else. 31 of them."""


class When(NamedTuple):
    """A time as it was written: to the instant, or to the day."""

    time: datetime
    precision: Literal["day"] | None


@dataclass
class Form:
    """A form that was sent, and what is wrong with it."""

    said: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)
    """What to write, by the name of the field; in the order of the page."""

    def text(self, name: str) -> str:
        """What was written, without the space around it."""
        return self.said.get(name, "").strip()

    def one_of(self, name: str, allowed: Collection[str], otherwise: str) -> str:
        """One of the values of the page."""
        if (said := self.text(name)) in allowed:
            return said
        self.wrong[name] = otherwise
        return ""

    def subject(self, *, required: bool = True) -> str:
        """A pseudonym. What is none, and may be a client's number, is told to nobody."""
        said = self.text("subject")
        if said and SUBJECT.fullmatch(said) is None:
            self.wrong["subject"] = (
                "This is not a pseudonym (v1. and 22 letters): nothing of it was kept. Write it again."
            )
        elif required and not said:
            self.wrong["subject"] = "Say who it is about."
        return "" if "subject" in self.wrong else said

    def code(self, name: str, otherwise: str, *, required: bool = False) -> str | None:
        """A code of a list that the organisation keeps; `Food parcels` is written `food-parcels`."""
        said = re.sub(r"[^a-z0-9]+", "-", self.text(name).lower()).strip("-")
        if (self.text(name) or required) and (not said or len(said) > 64):
            self.wrong[name] = otherwise
        return said or None

    def organisation(self, name: str, other_than: str) -> str:
        """The code of another organisation."""
        said = self.code(name, "") or ""
        self.wrong.pop(name, None)
        if not is_organisation(said):
            self.wrong[name] = "Write the code of the organisation, such as money-help."
        elif said == other_than:
            self.wrong[name] = "This is your own organisation: write another."
        return said

    def when(self, now: datetime, zone: ZoneInfo) -> When:
        """Now, unless a day was written; to the instant where a time was as well."""
        day, clock = self.text("day"), self.text("clock")
        if not day and not clock:
            return When(now, None)
        try:
            on = date.fromisoformat(day) if day else now.astimezone(zone).date()
            at = datetime.combine(on, time.fromisoformat(clock) if clock else time(), zone)
        except ValueError:
            self.wrong["day"] = "Write the day as year, month and day, such as 2026-03-31, and the time as 14:30."
            return When(now, None)
        if at > now + timedelta(minutes=1):
            self.wrong["day"] = "This lies ahead: write a day that has come."
        if on.year < 1900:
            self.wrong["day"] = "Write the year with four digits."
        return When(at, None if clock else "day")

    def once(self) -> str:
        """What tells this form, as it was filled in, from every other: sending it twice changes nothing.

        Whoever goes back and writes something else has sent another.
        """
        said = self.text("once")
        content = json.dumps(sorted(self.said.items())).encode()
        return f"{said if _ONCE.fullmatch(said) else once()}-{hashlib.sha256(content).hexdigest()[:8]}"

    def new_token(self) -> str:
        """The code of a new slip: made with the page, so that a form that is sent twice says the same."""
        said = self.text("new-token")
        return said if TOKEN.fullmatch(said) else slip_code()

    def slip_code(self, token: bytes | None) -> str | None:
        """The code on a slip, where its hash is this one; people write it in capitals, and with spaces."""
        said = self.text("token")
        plain = re.sub(r"\s+", "", said)
        return next((each for each in (plain, plain.lower()) if TOKEN.fullmatch(each) and proves(each, token)), None)


def proves(code: str, token: bytes | None) -> bool:
    """Whether this code is the one that this hash was made of."""
    return token is not None and hmac.compare_digest(digest(code), token)


def digest(code: str) -> bytes:
    """What is published of a code that is still to be shown."""
    return hashlib.sha256(code.encode()).digest()


def once() -> str:
    """What tells one form from every other."""
    return secrets.token_urlsafe(12)


def slip_code() -> str:
    """A new single-use code that can be copied by hand: 24 letters and digits, 118 bits."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(24))
    return "-".join(letters[n : n + 4] for n in range(0, 24, 4))
