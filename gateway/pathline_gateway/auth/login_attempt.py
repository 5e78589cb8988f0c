"""The cookie of a login attempt: what a browser keeps while its user is at the issuer. Pure."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Self

from pathline_gateway.auth.caller import Caller, Role

SECONDS: Final = 600
"""So long a person may take at the issuer."""

# Written out, and not `anything that begins with a slash`: browsers read `//host` and `/\\host` as another host.
_OURS: Final = re.compile(r"/(?:desk|console)(?:/[A-Za-z0-9_-]+)*", re.ASCII)
_KEPT: Final = re.compile(r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_/-]{0,200})")


def ours(path: str) -> str:
    """The path, where it is that of a page of ours; else nothing."""
    return path if len(path) <= 200 and _OURS.fullmatch(path) else ""


def home(asker: Caller) -> str:
    """The page of whoever goes nowhere in particular."""
    if asker.may_be(Role.OPERATOR):
        return "/console"
    if asker.may_be(Role.REVIEWER):
        return "/console/review"
    return "/desk"


@dataclass(frozen=True, slots=True)
class SigningIn:
    """One attempt to sign in: three secrets of 256 bits, and the page that she came for."""

    state: str
    nonce: str
    verifier: str
    to: str

    @classmethod
    def begun(cls, to: str) -> Self:
        """A new one."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), ours(to))

    @classmethod
    def kept(cls, text: str) -> Self | None:
        """The one that a browser kept; None where it kept none of ours."""
        found = _KEPT.fullmatch(text)
        return None if found is None else cls(found[1], found[2], found[3], ours(found[4]))

    @property
    def text(self) -> str:
        """As a browser keeps it."""
        return ".".join((self.state, self.nonce, self.verifier, self.to))

    def is_of(self, state: str) -> bool:
        """Whether an answer of the issuer belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode())
