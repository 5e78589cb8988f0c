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

from pathline.interaction import SUBJECT_REGEX
from pathline.rows.service_code import make_code
from pathline_gateway.auth.bearer_token import is_organisation

_FORM_ID: Final = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
TOKEN_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{22,200}", re.ASCII)
_DASHES: Final = re.compile(r"[-\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d_.·/]+")
"""What people, telephones and word processors make of a hyphen."""
_SLIP_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""For a code that people copy by hand: nothing that looks like something else. 31 of them."""


class EnteredTime(NamedTuple):
    """A time as it was written: to the instant, or to the day."""

    time: datetime
    precision: Literal["day"] | None


@dataclass
class DeskForm:
    """A form that was sent, and what is wrong with it."""

    fields: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)
    """What to write, by the name of the field; in the order of the page."""

    def text(self, name: str) -> str:
        """What was written, without the space around it."""
        return self.fields.get(name, "").strip()

    def choice(self, name: str, allowed: Collection[str], message: str) -> str:
        """One of the values of the page."""
        if (value := self.text(name)) in allowed:
            return value
        self.wrong[name] = message
        return ""

    def subject(self, *, required: bool = True) -> str:
        """A pseudonym. What is none, and may be a client's number, is told to nobody."""
        value = self.text("subject")
        if value and SUBJECT_REGEX.fullmatch(value) is None:
            self.wrong["subject"] = (
                "This is not a pseudonym (v1. and 22 letters): nothing of it was kept. Write it again."
            )
        elif required and not value:
            self.wrong["subject"] = "Say who it is about."
        return "" if "subject" in self.wrong else value

    def code(self, name: str, message: str, *, required: bool = False) -> str | None:
        """A code of a list that the organisation keeps; `Food parcels` is written `food-parcels`."""
        code = make_code(self.text(name))
        if (self.text(name) or required) and not code:
            self.wrong[name] = message
        return code or None

    def organisation(self, name: str, other_than: str) -> str:
        """The code of another organisation."""
        code = self.code(name, "") or ""
        self.wrong.pop(name, None)
        if not is_organisation(code):
            self.wrong[name] = "Write the code of the organisation, such as money-help."
        elif code == other_than:
            self.wrong[name] = "This is your own organisation: write another."
        return code

    def occurred(self, now: datetime, zone: ZoneInfo) -> EnteredTime:
        """Now, unless a day was written; to the instant where a time was as well."""
        day_text, time_text = self.text("day"), self.text("clock")
        if not day_text and not time_text:
            return EnteredTime(now, None)
        try:
            date_written = date.fromisoformat(day_text) if day_text else now.astimezone(zone).date()
            at = datetime.combine(date_written, time.fromisoformat(time_text) if time_text else time(), zone)
        except ValueError:
            self.wrong["day"] = "Write the day as year, month and day, such as 2026-03-31, and the time as 14:30."
            return EnteredTime(now, None)
        if at > now + timedelta(minutes=1):
            self.wrong["day"] = "This lies ahead: write a day that has come."
        if date_written.year < 1900:
            self.wrong["day"] = "Write the year with four digits."
        return EnteredTime(at, None if time_text else "day")

    def submission_id(self) -> str:
        """What tells this form, as it was filled in, from every other: sending it twice changes nothing.

        Whoever goes back and writes something else has sent another.
        """
        form_id = self.text("once")
        content = json.dumps(sorted(self.fields.items())).encode()
        return f"{form_id if _FORM_ID.fullmatch(form_id) else new_form_id()}-{hashlib.sha256(content).hexdigest()[:8]}"

    def new_token(self) -> str:
        """The code of a new slip: made with the page, so that a form that is sent twice says the same."""
        token = self.text("new-token")
        return token if TOKEN_PATTERN.fullmatch(token) else new_slip_code()

    def read_slip_code(self, token_hash: bytes | None) -> str | None:
        """The code on a slip, where its hash is this one.

        People write it in capitals, with spaces, with dashes of any kind, or with none.
        """
        compact = re.sub(r"\s+", "", self.text("token"))
        letters = _DASHES.sub("", compact).lower()
        spellings = (compact, compact.lower(), _DASHES.sub("-", compact).lower(), letters, _group_letters(letters))
        return next(
            (each for each in spellings if TOKEN_PATTERN.fullmatch(each) and matches_hash(each, token_hash)), None
        )


def matches_hash(code: str, token_hash: bytes | None) -> bool:
    """Whether this code is the one that this hash was made of."""
    return token_hash is not None and hmac.compare_digest(token_digest(code), token_hash)


def token_digest(code: str) -> bytes:
    """What is published of a code that is still to be shown."""
    return hashlib.sha256(code.encode()).digest()


def new_form_id() -> str:
    """What tells one form from every other."""
    return secrets.token_urlsafe(12)


def new_slip_code() -> str:
    """A new single-use code that can be copied by hand: 24 letters and digits, 118 bits."""
    return _group_letters("".join(secrets.choice(_SLIP_ALPHABET) for _ in range(24)))


def _group_letters(letters: str) -> str:
    return "-".join(letters[n : n + 4] for n in range(0, len(letters), 4))
