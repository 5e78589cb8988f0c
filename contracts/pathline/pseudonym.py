"""Pseudonyms: how an agency names a person to Pathline without saying who she is.

subject   = "v" <epoch> "." base64url(HMAC-SHA-256(k, identifier)[:16])       without padding
k         = HKDF-SHA-256(ikm = the agency's key, salt = "pathline pseudonym", info = "<org>/v<epoch>", 32 bytes)
identifier = the agency's own identifier, without surrounding white space, in Unicode NFC, as UTF-8;
             what is no identifier is refused (`pathline.rows.identifier`)

A new epoch, with the same key or another, gives everybody a new pseudonym. `pathline rotate` links old and new by
`identity.linked` under the agency's own source. A subject under the new epoch is a new ref, on the same pathway.

(RFC 2104, RFC 5869.) The key never leaves the agency, so nobody else can compute or compare its pseudonyms. Vectors
for other languages: `contracts/vectors/pseudonyms.json`, and `rotations.json` for the links between epochs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property

from pathline.errors import PathlineError
from pathline.rows.identifier import UncertainIdentifier, canonical_identifier

KEY_BYTES = 32
"""Length of an agency's key; shorter ones could be guessed from known pseudonyms."""

_SALT = b"pathline pseudonym"
_ORG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)


class InvalidKey(PathlineError):
    """The agency's key cannot be used."""

    reason = "invalid-key"


def new_key() -> str:
    """A fresh agency key as base64url text; whoever has it can compute the agency's pseudonyms."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")


def decode_key(text: str) -> bytes:
    """The key's bytes. Raises InvalidKey, without the key, unless it is base64url of 32 bytes or more."""
    try:
        # Some editors put a byte order mark before the text.
        plain = text.removeprefix("\ufeff").strip().rstrip("=")
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKey("the key is not base64url text; `pathline init` makes one") from None
    if len(raw) < KEY_BYTES:
        raise InvalidKey(f"the key has {len(raw)} bytes and needs {KEY_BYTES}; `pathline init` makes one")
    return raw


def derive_key(key: bytes, info: str) -> bytes:
    """One block of HKDF-SHA-256 (RFC 5869): extract, then expand to 32 bytes."""
    extracted = hmac.digest(_SALT, key, hashlib.sha256)
    return hmac.digest(extracted, info.encode() + b"\x01", hashlib.sha256)


@dataclass(frozen=True)
class Pseudonyms:
    """Makes the pseudonyms of one agency in one key epoch."""

    org: str
    """The agency's code in the register."""
    key: bytes = field(repr=False)
    """The agency's secret key, 32 bytes or more."""
    epoch: int = 1
    """Grows by one at each key rotation; the two pseudonyms of a person are then linked."""

    def __post_init__(self) -> None:
        if _ORG.fullmatch(self.org) is None or len(self.org) > 64:
            raise ValueError("org must be lower-case words joined by hyphens, at most 64 characters")
        if len(self.key) < KEY_BYTES:
            raise InvalidKey(f"the key has {len(self.key)} bytes and needs {KEY_BYTES}; `pathline init` makes one")
        if not 1 <= self.epoch <= 9999:
            raise ValueError("epoch must lie between 1 and 9999")

    @cached_property
    def _derived_key(self) -> bytes:
        return derive_key(self.key, f"{self.org}/v{self.epoch}")

    @classmethod
    def from_text(cls, org: str, key: str, epoch: int = 1) -> Pseudonyms:
        """From the key as `pathline init` wrote it."""
        return cls(org, decode_key(key), epoch)

    def subject(self, identifier: str, *, confirmed: bool = False) -> str:
        """The pseudonym of the person whom the agency knows as `identifier`.

        Raises WrongIdentifier, a ValueError, where it is blank, stands for no value, or holds a character that nobody
        sees. `confirmed` takes what looks like no value, such as `None`, for an identifier.
        """
        try:
            canonical = canonical_identifier(identifier, confirmed=confirmed)
        except UncertainIdentifier:
            # Whoever names one person in a program has said that it is one; a table is asked about.
            canonical = canonical_identifier(identifier, confirmed=True)
        tag = hmac.digest(self._derived_key, canonical.encode(), hashlib.sha256)[:16]
        return f"v{self.epoch}." + base64.urlsafe_b64encode(tag).decode().rstrip("=")
