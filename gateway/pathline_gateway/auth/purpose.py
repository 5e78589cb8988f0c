"""The purpose and the authority that a reader states. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_CODE: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_AUTHORITY: Final = re.compile(
    r"(law|serious-threat|mandate)[ \t]*;[ \t]*instrument=(?:\"([^\"\x00-\x1f\x7f]{1,2000})\"|([^\s\";]{1,2000}))"
)
_MAX_PURPOSE_LENGTH: Final = 64


class PurposeError(Exception):
    """A purpose or an authority that cannot be read; `reason` is stable."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class LawfulAuthority:
    """What allows a reading that nobody has consented to."""

    basis: str
    instrument: str


@dataclass(frozen=True, slots=True)
class AccessPurpose:
    """What the reader says that she reads for."""

    purpose: str | None = None
    authority: LawfulAuthority | None = None


NO_PURPOSE: Final = AccessPurpose()


def parse_access_purpose(purpose: str | None, authority: str | None) -> AccessPurpose:
    """The same, read from what was sent. Raises PurposeError, without repeating it."""
    if purpose is not None and (len(purpose) > _MAX_PURPOSE_LENGTH or _CODE.fullmatch(purpose) is None):
        raise PurposeError(
            "malformed-purpose", "the purpose must be a code: lower-case words with hyphens, at most 64 characters"
        )
    return AccessPurpose(purpose, None if authority is None else _parse_authority(authority))


def _parse_authority(text: str) -> LawfulAuthority:
    match = _AUTHORITY.fullmatch(text.strip())
    if match is None:
        raise PurposeError(
            "malformed-authority",
            'the authority must be law, serious-threat or mandate, and its instrument: law; instrument="…"',
        )
    return LawfulAuthority(match[1], match[2] or match[3])
