"""The keys that an issuer signs with: found by discovery, kept, and fetched again when a token names another."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from joserfc.jwk import KeySet

from pathline_gateway.auth.jwk_selection import Usable, usable
from pathline_gateway.background.loop import Loop
from pathline_gateway.telemetry.instruments import ISSUER_KEYS

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 10.0
"""An unknown key id makes us ask the issuer no more often than this: anybody can name one."""
_OLD_S: Final = 3600.0
"""Keys that the issuer has taken out are not believed longer than this."""
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 1 << 20


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
    """The keys that an issuer publishes (OpenID Connect Discovery 1.0; RFC 7517).

    They are fetched beforehand and beside the requests: a token with a key that is known waits for nobody.
    """

    issuer: str | None
    """None where nobody's tokens are believed, or the issuer is in this process."""
    fetch: Fetch = fetched
    clock: Callable[[], float] = time.monotonic
    _keys: KeySet | None = None
    _known: frozenset[str] = frozenset()
    """The ids of the keys."""
    _at: float = 0.0
    _tried_at: float | None = None
    _asking: asyncio.Task[None] | None = None
    _failed: bool = False
    """Whether the issuer did not answer when it was asked last."""
    _left_out: Mapping[str, int] = field(default_factory=dict)

    async def current(self, kid: str | None) -> KeySet:
        known = self._keys is not None and (kid is None or kid in self._known)
        if known and (self._age() < _OLD_S or self._failed):
            if self._age() > _OLD_S / 2:
                self._ask()
        elif (asking := self._ask()) is not None:
            await asyncio.shield(asking)
        if self._keys is None or self._age() > _OLD_S:
            raise IssuerUnavailable
        return self._keys

    def loop(self) -> Loop:
        """The keys are fetched again well before they are too old."""
        return Loop("issuer-keys", self._turn, _AGAIN_S)

    async def _turn(self) -> None:
        if self.issuer is None or self._age() <= _OLD_S / 4:
            return
        if (asking := self._ask()) is not None:
            await asyncio.shield(asking)
        if self._failed:
            raise IssuerUnavailable

    def _age(self) -> float:
        return math.inf if self._keys is None else self.clock() - self._at

    def _ask(self) -> asyncio.Task[None] | None:
        """The asking that goes on, or begins now; None where it is too soon after the last."""
        if self._asking is not None and not self._asking.done():
            return self._asking
        if self._tried_at is not None and self.clock() - self._tried_at < _AGAIN_S:
            return None
        self._tried_at = self.clock()
        # In a context of its own: it belongs to no request, and to no trace.
        self._asking = asyncio.create_task(self._asked(), context=Context())
        return self._asking

    async def _asked(self) -> None:
        try:
            found = await asyncio.to_thread(self._published)
        except Exception as failed:  # an issuer may answer anything
            _log.warning("the issuer's keys could not be fetched: %s", type(failed).__name__)
            self._failed = True
            return
        self._failed = False
        self._keys, self._at = found.keys, self.clock()
        self._known = frozenset(key.kid for key in found.keys if key.kid is not None)
        ISSUER_KEYS.stands(
            [({"pathline.outcome": "used"}, len(found.keys.keys))]
            + [({"pathline.outcome": "left-out", "pathline.reason": why}, n) for why, n in found.left_out.items()]
        )
        if found.left_out and found.left_out != self._left_out:
            left_out = dict(found.left_out)
            _log.warning("of the issuer's keys %d cannot be used: %s", sum(left_out.values()), left_out)
        self._left_out = found.left_out

    def _published(self) -> Usable:
        if self.issuer is None:
            raise ValueError("there is no issuer")
        described = self.fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if described["issuer"] != self.issuer:
            raise ValueError("the document is about another issuer")
        return usable(self.fetch(described["jwks_uri"]))
