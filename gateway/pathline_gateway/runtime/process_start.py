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
from pathline_gateway.limits.table import PREFIX, Limits, find_unknown_variables
from pathline_gateway.postgres.migrate import MigrationError
from pathline_gateway.postgres.pool import DatabaseUnavailable
from pathline_gateway.runtime.demo import DemoMissing
from pathline_gateway.runtime.gateway import BrokerUnavailable
from pathline_gateway.runtime.intake_worker import run_intake_worker
from pathline_gateway.runtime.listening import CannotListen
from pathline_gateway.runtime.serve import NoPartitions, serve_process
from pathline_gateway.runtime.serve import serve_gateway as serve
from pathline_gateway.runtime.serving_pool import ServingFailed
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry import exporters
from pathline_gateway.telemetry.logs import configure_logs
from pathline_gateway.telemetry.metrics_exchange import joined

_USER_ERRORS = (
    EmbeddedError,
    CannotListen,
    NoPartitions,
    DemoMissing,
    DatabaseUnavailable,
    BrokerUnavailable,
    KafkaSettingsUnusable,
    MigrationError,
    NoIssuer,
    ServingFailed,
)
"""Errors whose text is one line for the person who started this."""


def start(flags: Mapping[str, Any], data: Path | None, demo: bool) -> None:
    """The gateway runs until SIGTERM or SIGINT; embedded, where it has a data directory."""
    settings, embedded = _load_settings(flags), data is not None
    if demo and not embedded:
        _exit_with("--demo runs on one machine: give --embedded too")
    if settings.dev_auth == "on" and settings.issuer is None and not embedded:
        _exit_with("set PATHLINE_ISSUER to the OpenID Connect issuer to believe; --dev-auth off is for one machine")
    if settings.serve_processes > 1 and settings.dev_auth == "on" and settings.issuer is None:
        _exit_with(
            "--serve needs PATHLINE_ISSUER, or --dev-auth off: the issuer of this machine signs in at one process"
        )
    if (embedded or settings.dev_auth == "off") and not (settings.open_to_network or _is_loopback(settings.host)):
        _exit_with(
            f"cannot listen on {settings.host} just so: with auth off, or embedded, this is for one machine. Choose a"
            " loopback address with --host, or say it twice with --open-to-network"
        )
    _run(serve(settings, data, demo), settings)


def start_intake(until_eof: bool, metrics_socket: Path | None) -> None:
    """Consumes beside a gateway until SIGTERM or SIGINT, or the end of standard input."""
    settings = _load_settings({})
    _run(run_intake_worker(settings, joined(metrics_socket), until_eof), settings)


def start_serving(until_eof: bool, metrics_socket: Path | None) -> None:
    """Serves beside others at the port of the process that started them, as long as that does."""
    settings = _load_settings({})
    _run(serve_process(settings, joined(metrics_socket), until_eof), settings)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _run(work: Coroutine[Any, Any, None], settings: Settings) -> None:
    # A caller or a database that goes away in the middle of a write is an error of that write, and not our end.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    configure_logs(settings.log_format, settings.log_level)
    exporters.configure()
    try:
        uvloop.run(work)
    except _USER_ERRORS as error:
        _exit_with(str(error))
    finally:
        exporters.shut_down()


def _load_settings(flags: Mapping[str, Any]) -> Settings:
    if unknown_variables := find_unknown_variables(os.environ):
        _exit_with(f"{unknown_variables[0]} is no limit: docs/limits.md has all of them")
    try:
        return Settings(**flags, limits=_load_limits())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0])
        _exit_with(f"--{name.replace('_', '-')} or PATHLINE_{name.upper()} is wrong: {first['msg']}")


def _load_limits() -> Limits:
    try:
        return Limits()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        _exit_with(f"{PREFIX}{str(first['loc'][0]).upper()} is wrong: {first['msg']}")


def _exit_with(message: str) -> NoReturn:
    sys.exit(f"pathline-gateway: {message}")
