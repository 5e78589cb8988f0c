"""Pairwise identifiers: names of pathways, events and hand-offs that only one reader is told. Pure.

`k = HKDF-SHA-256(ikm = the instance's secret, salt = "pathline pairwise", info = the reader's name, 64 bytes)`. The
first half keys a block cipher. A pathway's handle is one block: the anchor id of a ref, enciphered. So no table is
needed to find the way back. The second half keys a MAC, for all else, which nobody needs to reverse.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cached_property
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SALT = b"pathline pairwise"


class ReaderKey:
    """Makes the names that one reader is told."""

    def __init__(self, secret: bytes, reader: str) -> None:
        keys = HKDF(SHA256(), 64, _SALT, reader.encode()).derive(secret)
        # One block alone, of 16 random bytes: there is no second one whose likeness ECB could show.
        self._cipher = Cipher(AES(keys[:32]), ECB())  # noqa: S305
        self._mac = keys[32:]

    # In ECB each block is whole by itself: one context serves all of them, in a third of the time.
    @cached_property
    def _encryptor(self) -> CipherContext:
        return self._cipher.encryptor()

    @cached_property
    def _decryptor(self) -> CipherContext:
        return self._cipher.decryptor()

    def handle(self, anchor_id: UUID) -> UUID:
        """What this reader calls the pathway that is named by this anchor id."""
        return UUID(bytes=self._encryptor.update(anchor_id.bytes))

    def anchor_id(self, handle: UUID) -> UUID:
        """The way back: of a handle that was never given, the anchor id of nothing."""
        return UUID(bytes=self._decryptor.update(handle.bytes))

    @cached_property
    def _siv(self) -> AESSIV:
        return AESSIV(self._compute_mac("siv"))

    def seal(self, kind: str, value: str) -> str:
        """The value as only this reader may say it back, fit for an address: the same each time (AES-SIV)."""
        sealed = self._siv.encrypt(value.encode(), [kind.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def unseal(self, kind: str, sealed: str) -> str | None:
        """The way back; None of what was never sealed so for this reader."""
        try:
            bytes_ = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            return self._siv.decrypt(bytes_, [kind.encode()]).decode()
        except (ValueError, InvalidTag):
            return None

    def event_id(self, source: str, id: str) -> str:
        """The id of another's event."""
        return _encode_mac(self._compute_mac("event", source, id))

    def identifier(self, org: str, value: str) -> str:
        """What another organisation calls something: the same in all its steps, and nothing outside them."""
        return _encode_mac(self._compute_mac("identifier", org, value))

    def handoff_id(self, value: str) -> str:
        """The id of a hand-off: the same in everybody's steps, and no longer its organisation's."""
        return f"keyed:{_encode_mac(self._compute_mac('handoff', value))}"

    def pseudonym(self, org: str, value: str) -> str:
        """Another organisation's pseudonym."""
        return f"v1.{_encode_mac(self._compute_mac('subject', org, value))}"

    def version(self, *body: bytes) -> str:
        """Tells bodies apart, and nothing of what they leave out."""
        return self._compute_mac("version", *body).hex()[:24]

    @property
    def secret(self) -> bytes:
        """For what else is to be keyed by reader, such as the ids of a trace."""
        return self._compute_mac("secret")

    def _compute_mac(self, kind: str, *parts: str | bytes) -> bytes:
        mac = hmac.new(self._mac, kind.encode(), hashlib.sha256)
        for part in parts:
            encoded = part.encode() if isinstance(part, str) else part
            mac.update(len(encoded).to_bytes(8))
            mac.update(encoded)
        return mac.digest()


def _encode_mac(tag: bytes) -> str:
    """128 bits as 22 characters."""
    return base64.urlsafe_b64encode(tag[:16]).decode().rstrip("=")
