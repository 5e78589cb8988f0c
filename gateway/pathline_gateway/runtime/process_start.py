"""Starts what `pathline-gateway up` and `intake` run: settings are checked, and a failure is one line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

import uvloop
from pydantic import ValidationError

from pathline_gateway.auth.dev_issuer.issuer import NoIssuer
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.kafka.client_config import KafkaSettingsUnusable
from pathline_gateway.limits.table import PREFIX, Limits, unknown
from pathline_gateway.postgres.migrate import MigrationError
from pathline_gateway.postgres.pool import DatabaseUnavailable
from pathline_gateway.runtime.demo import DemoMissing
from pathline_gateway.runtime.gateway import BrokerUnavailable
from pathline_gateway.runtime.intake_worker import take_in
from pathline_gateway.runtime.serve import CannotListen, NoPartitions
from pathline_gateway.runtime.serve import up as serve
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry import exporters

_TELLING = (
    EmbeddedError,
    CannotListen,
    NoPartitions,
    DemoMissing,
    DatabaseUnavailable,
    BrokerUnavailable,
    KafkaSettingsUnusable,
    MigrationError,
    NoIssuer,
)
"""Errors whose text is one line for the person who started this."""


def start(said: Mapping[str, Any], data: Path | None, demo: bool) -> None:
    """The gateway runs until SIGTERM or SIGINT; embedded, where it has a data directory."""
    settings, embedded = _settings(said), data is not None
    if demo and not embedded:
        _end("--demo runs on one machine: give --embedded too")
    if settings.dev_auth == "on" and settings.issuer is None and not embedded:
        _end("set PATHLINE_ISSUER to the OpenID Connect issuer to believe; --dev-auth off is for one machine")
    if (embedded or settings.dev_auth == "off") and not (settings.open_to_network or _is_loopback(settings.host)):
        _end(
            f"cannot listen on {settings.host} just so: with auth off, or embedded, this is for one machine. Choose a"
            " loopback address with --host, or say it twice with --open-to-network"
        )
    _run(serve(settings, data, demo))


def start_intake(until_eof: bool) -> None:
    """Takes in beside a gateway until SIGTERM or SIGINT, or the end of standard input."""
    _run(take_in(_settings({}), until_eof))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _run(work: Coroutine[Any, Any, None]) -> None:
    # A caller or a database that goes away in the middle of a write is an error of that write, and not our end.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    exporters.configure()
    try:
        uvloop.run(work)
    except _TELLING as failed:
        _end(str(failed))
    finally:
        exporters.shut_down()


def _settings(said: Mapping[str, Any]) -> Settings:
    if no_limits := unknown(os.environ):
        _end(f"{no_limits[0]} is no limit: docs/limits.md has all of them")
    try:
        return Settings(**said, limits=_limits())
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0])
        _end(f"--{name.replace('_', '-')} or PATHLINE_{name.upper()} is wrong: {first['msg']}")


def _limits() -> Limits:
    try:
        return Limits()
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        _end(f"{PREFIX}{str(first['loc'][0]).upper()} is wrong: {first['msg']}")


def _end(why: str) -> NoReturn:
    sys.exit(f"pathline-gateway: {why}")
