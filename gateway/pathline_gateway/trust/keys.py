"""The keys that an issuer signs with: found by discovery, kept, and fetched again when a token names another."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 10.0
"""An unknown key id makes us ask the issuer no more often than this: anybody can name one."""
_OLD_S: Final = 3600.0
"""Keys that the issuer has taken out are not believed longer than this."""
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 1 << 20
_ASYMMETRIC: Final = frozenset(("RSA", "EC", "OKP"))


class IssuerUnavailable(Exception):
    """The issuer's keys are not known and cannot be fetched."""


class Keys(Protocol):
    """Where the keys of an issuer come from."""

    async def current(self, kid: str | None) -> KeySet:
        """The issuer's keys; asked for anew when none has this id. Raises IssuerUnavailable."""


@dataclass(frozen=True)
class OwnKeys:
    """The keys of an issuer in this process."""

    keys: KeySet

    async def current(self, kid: str | None) -> KeySet:
        return self.keys


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """An issuer is asked where it is said to be, and nowhere else."""


_OPENER: Final = urllib.request.build_opener(_NoRedirect)

Fetch = Callable[[str], dict[str, Any]]
"""The JSON object at an address. Raises OSError or ValueError."""


def fetched(url: str) -> dict[str, Any]:
    """The JSON object at an http or https address, within five seconds and a megabyte."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("not an http or https address")
    return asked(urllib.request.Request(url, headers={"accept": "application/json"}))  # noqa: S310 - looked at above


def asked(request: urllib.request.Request) -> dict[str, Any]:
    """The JSON object that this request is answered with, within five seconds and a megabyte."""
    with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
        found = json.loads(answer.read(_MOST_BYTES + 1))
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


@dataclass
class DiscoveredKeys:
    """The keys that an issuer publishes (OpenID Connect Discovery 1.0; RFC 7517)."""

    issuer: str
    fetch: Fetch = fetched
    clock: Callable[[], float] = time.monotonic
    _keys: KeySet | None = None
    _at: float = 0.0
    _tried_at: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self, kid: str | None) -> KeySet:
        if not self._has(kid):
            async with self._lock:
                if not self._has(kid) and self._may_ask():
                    await self._ask()
        if self._keys is None or self.clock() - self._at > _OLD_S:
            raise IssuerUnavailable
        return self._keys

    def _has(self, kid: str | None) -> bool:
        fresh = self._keys is not None and self.clock() - self._at < _OLD_S / 2
        return fresh and (kid is None or any(key.kid == kid for key in self._keys or ()))

    def _may_ask(self) -> bool:
        return self._tried_at is None or self.clock() - self._tried_at >= _AGAIN_S

    async def _ask(self) -> None:
        self._tried_at = self.clock()
        try:
            self._keys = await asyncio.to_thread(self._published)
            self._at = self.clock()
        except (OSError, ValueError, KeyError, TypeError, JoseError) as failed:
            _log.warning("the issuer's keys could not be fetched: %s", type(failed).__name__)

    def _published(self) -> KeySet:
        described = self.fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if described["issuer"] != self.issuer:
            raise ValueError("the document is about another issuer")
        keys = [key for key in self.fetch(described["jwks_uri"])["keys"] if key.get("kty") in _ASYMMETRIC]
        return KeySet.import_key_set({"keys": keys})
