"""The cookie of a login attempt: what a browser keeps while its user is at the issuer. Pure."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Self

from pathline_gateway.auth.caller import Caller, Role

LIFETIME_S: Final = 600
"""So long a person may take at the issuer."""

# Written out, and not `anything that begins with a slash`: browsers read `//host` and `/\\host` as another host.
_PAGE_PATH: Final = re.compile(r"/(?:desk|console)(?:/[A-Za-z0-9_-]+)*", re.ASCII)
_COOKIE_VALUE: Final = re.compile(
    r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_/-]{0,200})"
)


def own_page_path(path: str) -> str:
    """The path, where it is that of a page of ours; else nothing."""
    return path if len(path) <= 200 and _PAGE_PATH.fullmatch(path) else ""


def home_page(caller: Caller) -> str:
    """The page of whoever goes nowhere in particular."""
    if caller.has_any_role(Role.OPERATOR):
        return "/console"
    if caller.has_any_role(Role.REVIEWER):
        return "/console/review"
    return "/desk"


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One attempt to sign in: three secrets of 256 bits, and the page that she came for."""

    state: str
    nonce: str
    verifier: str
    return_path: str

    @classmethod
    def start(cls, return_path: str) -> Self:
        """A new login attempt."""
        return cls(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), own_page_path(return_path)
        )

    @classmethod
    def parse_cookie(cls, cookie: str) -> Self | None:
        """The one that a browser kept; None where it kept none of ours."""
        match = _COOKIE_VALUE.fullmatch(cookie)
        return None if match is None else cls(match[1], match[2], match[3], own_page_path(match[4]))

    @property
    def cookie_value(self) -> str:
        """As a browser keeps it."""
        return ".".join((self.state, self.nonce, self.verifier, self.return_path))

    def matches_state(self, state: str) -> bool:
        """Whether an answer of the issuer belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode())
