"""Pairwise names: what pathways, events, hand-offs and people are called to one reader, and what she means. Pure.

`k = HKDF-SHA-256(ikm = the instance's secret, salt = "pathline pairwise", info = the reader's name, 64 bytes)`. The
first half keys a block cipher. A pathway's handle is one block: the anchor id of a ref, enciphered. The second half
keys a MAC, and by it the keys of all other names.

Each kind of name enciphers an identity of one size (`name_identities.py`), so that all names of a kind are equally
long. Each can be said back. Names of events and hand-offs are made by AES-SIV, which tells a name from what never was
one. A person's has the shape of a pseudonym, and no room for that: whoever looks her up finds nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cached_property
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pathline_gateway.visibility.name_identities import (
    NAMED_EPOCHS,
    EventIdentity,
    join_pseudonym,
    name_digest,
    split_pseudonym,
)

_SALT = b"pathline pairwise"
NAME_PREFIX: Final = "keyed:"
"""Names of events and of hand-offs begin so, and nothing else may: no organisation is called `keyed`."""


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
        """A cursor or another text as only this reader may say it back, fit for an address; as long as it is."""
        return _encode(self._siv.encrypt(value.encode(), [kind.encode()]))

    def unseal(self, kind: str, sealed: str) -> str | None:
        """The way back; None of what was never sealed so for this reader."""
        bytes_ = _decode(sealed)
        try:
            return None if bytes_ is None else self._siv.decrypt(bytes_, [kind.encode()]).decode()
        except (ValueError, InvalidTag):
            return None

    def event_name(self, identity: EventIdentity) -> str:
        """What this reader calls another's event; it stands where an event's id does."""
        return NAME_PREFIX + _encode(self._siv.encrypt(identity.to_bytes(), [b"event name"]))

    def read_event_name(self, name: str) -> EventIdentity | None:
        """The event that she calls so; None of what is no name of hers."""
        identity = self._read_name(name, b"event name")
        return None if identity is None else EventIdentity.from_bytes(identity)

    def handoff_name(self, handoff: str) -> str:
        """What she calls a hand-off that is no affair of hers, in everybody's steps."""
        return NAME_PREFIX + _encode(self._siv.encrypt(name_digest(handoff), [b"handoff name"]))

    def read_handoff_name(self, name: str) -> bytes | None:
        """The digest of the hand-off that she calls so; None of what is no name of hers."""
        return self._read_name(name, b"handoff name")

    def subject_name(self, org: str, subject: str) -> str:
        """What she calls a person whom another organisation knows under this pseudonym."""
        epoch, pseudonym = split_pseudonym(subject)
        enciphered = self._subject_cipher(org).encryptor().update(pseudonym)
        return join_pseudonym(NAMED_EPOCHS[(epoch - 1 + self._shift(org, enciphered)) % len(NAMED_EPOCHS)], enciphered)

    def read_subject_name(self, org: str, name: str) -> str | None:
        """The pseudonym of the person whom she calls so, if it is a name at all; None where none can look so."""
        shifted, enciphered = split_pseudonym(name)
        if shifted not in NAMED_EPOCHS:
            return None
        epoch = (shifted - NAMED_EPOCHS[0] - self._shift(org, enciphered)) % len(NAMED_EPOCHS) + 1
        return join_pseudonym(epoch, self._subject_cipher(org).decryptor().update(enciphered))

    def identifier(self, org: str, value: str) -> str:
        """What another organisation calls something: the same in all its steps. Nobody says it back."""
        return _encode(self._compute_mac("identifier", org, value)[:16])

    def placeholder_subject(self, org: str, value: str) -> str:
        """The pseudonym of somebody whom this organisation does not know, and must publish something about."""
        return join_pseudonym(1, self._compute_mac("subject", org, value)[:16])

    def version(self, *body: bytes) -> str:
        """Tells bodies apart, and nothing of what they leave out."""
        return self._compute_mac("version", *body).hex()[:24]

    @property
    def secret(self) -> bytes:
        """For what else is to be keyed by reader, such as the ids of a trace."""
        return self._compute_mac("secret")

    def _read_name(self, name: str, kind: bytes) -> bytes | None:
        sealed = _decode(name.removeprefix(NAME_PREFIX)) if name.startswith(NAME_PREFIX) else None
        try:
            return None if sealed is None else self._siv.decrypt(sealed, [kind])
        except (ValueError, InvalidTag):
            return None

    def _subject_cipher(self, org: str) -> Cipher[ECB]:
        # One block alone, as above.
        return Cipher(AES(self._compute_mac("subject name", org)), ECB())  # noqa: S305

    def _shift(self, org: str, enciphered: bytes) -> int:
        return int.from_bytes(self._compute_mac("subject epoch", org, enciphered)[:8])

    def _compute_mac(self, kind: str, *parts: str | bytes) -> bytes:
        mac = hmac.new(self._mac, kind.encode(), hashlib.sha256)
        for part in parts:
            encoded = part.encode() if isinstance(part, str) else part
            mac.update(len(encoded).to_bytes(8))
            mac.update(encoded)
        return mac.digest()


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decode(text: str) -> bytes | None:
    """The way back; None of what was never encoded so."""
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return value if _encode(value) == text else None
