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

from pathline_gateway.auth.jwk_selection import KeySelection, select_keys
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.log_cause import because
from pathline_gateway.telemetry.instruments import ISSUER_KEYS

_log = logging.getLogger(__name__)

_MIN_FETCH_INTERVAL_S: Final = 10.0
"""An unknown key id makes us ask the issuer no more often than this: anybody can name one."""
_MAX_KEY_AGE_S: Final = 3600.0
"""Keys that the issuer has taken out are not believed longer than this."""
_TIMEOUT_S: Final = 5.0
_MAX_RESPONSE_BYTES: Final = 1 << 20


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


def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at an http or https address, within five seconds and a megabyte."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("not an http or https address")
    return send_request(urllib.request.Request(url, headers={"accept": "application/json"}))  # noqa: S310 - looked at above


def send_request(request: urllib.request.Request) -> dict[str, Any]:
    """The JSON object that this request is answered with, within five seconds and a megabyte."""
    with _OPENER.open(request, timeout=_TIMEOUT_S) as response:
        document = json.loads(response.read(_MAX_RESPONSE_BYTES + 1))
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


@dataclass
class DiscoveredKeys:
    """The keys that an issuer publishes (OpenID Connect Discovery 1.0; RFC 7517).

    They are fetched beforehand and beside the requests: a token with a key that is known waits for nobody.
    """

    issuer: str | None
    """None where nobody's tokens are believed, or the issuer is in this process."""
    fetch: Fetch = fetch_json
    clock: Callable[[], float] = time.monotonic
    _keys: KeySet | None = None
    _kids: frozenset[str] = frozenset()
    """The ids of the keys."""
    _fetched_at: float = 0.0
    _attempted_at: float | None = None
    _fetch_task: asyncio.Task[None] | None = None
    _last_fetch_failed: bool = False
    """Whether the issuer did not answer when it was asked last."""
    _rejected: Mapping[str, int] = field(default_factory=dict)

    async def current(self, kid: str | None) -> KeySet:
        is_known = self._keys is not None and (kid is None or kid in self._kids)
        if is_known and (self._age() < _MAX_KEY_AGE_S or self._last_fetch_failed):
            if self._age() > _MAX_KEY_AGE_S / 2:
                self._start_fetch()
        elif (task := self._start_fetch()) is not None:
            await asyncio.shield(task)
        if self._keys is None or self._age() > _MAX_KEY_AGE_S:
            raise IssuerUnavailable
        return self._keys

    def loop(self) -> Loop:
        """The keys are fetched again well before they are too old."""
        return Loop("issuer-keys", self._turn, _MIN_FETCH_INTERVAL_S)

    async def _turn(self) -> None:
        if self.issuer is None or self._age() <= _MAX_KEY_AGE_S / 4:
            return
        if (task := self._start_fetch()) is not None:
            await asyncio.shield(task)
        if self._last_fetch_failed:
            raise IssuerUnavailable

    def _age(self) -> float:
        return math.inf if self._keys is None else self.clock() - self._fetched_at

    def _start_fetch(self) -> asyncio.Task[None] | None:
        """The asking that goes on, or begins now; None where it is too soon after the last."""
        if self._fetch_task is not None and not self._fetch_task.done():
            return self._fetch_task
        if self._attempted_at is not None and self.clock() - self._attempted_at < _MIN_FETCH_INTERVAL_S:
            return None
        self._attempted_at = self.clock()
        # In a context of its own: it belongs to no request, and to no trace.
        self._fetch_task = asyncio.create_task(self._fetch_keys(), context=Context())
        return self._fetch_task

    async def _fetch_keys(self) -> None:
        try:
            selection = await asyncio.to_thread(self._discover_keys)
        except Exception as error:  # an issuer may answer anything
            if not self._last_fetch_failed:
                _log.warning("the issuer's keys could not be fetched: %s", type(error).__name__, extra=because(error))
            self._last_fetch_failed = True
            return
        if self._last_fetch_failed:
            _log.warning("the issuer's keys are fetched again", extra=because("recovered"))
        self._last_fetch_failed = False
        self._keys, self._fetched_at = selection.keys, self.clock()
        self._kids = frozenset(key.kid for key in selection.keys if key.kid is not None)
        ISSUER_KEYS.replace_all(
            [({"pathline.outcome": "used"}, len(selection.keys.keys))]
            + [
                ({"pathline.outcome": "left-out", "pathline.reason": reason}, n)
                for reason, n in selection.rejected.items()
            ]
        )
        if selection.rejected and selection.rejected != self._rejected:
            rejected = dict(selection.rejected)
            _log.warning(
                "of the issuer's keys %d cannot be used: %s",
                sum(rejected.values()),
                rejected,
                extra=because("unusable-keys"),
            )
        self._rejected = selection.rejected

    def _discover_keys(self) -> KeySelection:
        if self.issuer is None:
            raise ValueError("there is no issuer")
        metadata = self.fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata["issuer"] != self.issuer:
            raise ValueError("the document is about another issuer")
        return select_keys(self.fetch(metadata["jwks_uri"]))
