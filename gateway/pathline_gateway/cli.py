"""`pathline-gateway`: what an operator runs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import uvloop
from cyclopts import App, Parameter
from pydantic import ValidationError

from pathline_gateway import observe
from pathline_gateway.commands import lawful, linkers, organisations, parked, registrars, review, set_aside
from pathline_gateway.commands.migrate import migrate
from pathline_gateway.demo import DemoMissing
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.kafka_client import KafkaSettingsUnusable
from pathline_gateway.limits.table import PREFIX, Limits, unknown
from pathline_gateway.rebuild.command import rebuild
from pathline_gateway.running import BrokerUnavailable
from pathline_gateway.settings import Settings
from pathline_gateway.store.connect import DatabaseUnavailable
from pathline_gateway.store.migrate import MigrationError
from pathline_gateway.take_in import take_in
from pathline_gateway.trust.caller import Role
from pathline_gateway.trust.issuer import NoIssuer, existing
from pathline_gateway.up import CannotListen, NoPartitions
from pathline_gateway.up import up as serve
from pathline_gateway.verify.command import verify

app = App(
    name="pathline-gateway", help="Assembles pathways from published interactions, and answers when they are pulled."
)

app.command(verify)
app.command(rebuild)
app.command(migrate)
app.command(parked.app)
app.command(set_aside.app)
app.command(organisations.app)
app.command(linkers.app)
app.command(registrars.app)
app.command(review.app)
app.command(lawful.app)

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


@app.command
def token(role: Role, *, data: Path = Path("data"), org: str | None = None, account: str = "somebody") -> None:
    """Prints a token of a one-machine gateway's own issuer, good for an hour.

    Parameters
    ----------
    role
        What its holder may be.
    data
        Directory of the gateway.
    org
        The organisation that it is bound to.
    account
        Whose it is, of a citizen or helper: any word.
    """
    try:
        print(existing(data).token([role], org, account))
    except NoIssuer as missing:
        _end(str(missing))


@app.command
def up(
    *,
    embedded: Annotated[bool, Parameter(negative="")] = False,
    port: int | None = None,
    intake_processes: int | None = None,
    host: str | None = None,
    open_to_network: Annotated[bool, Parameter(negative="")] = False,
    data: Path = Path("data"),
    demo: Annotated[bool, Parameter(negative="")] = False,
    dev_auth: Literal["on", "off"] | None = None,
    now: datetime | None = None,
) -> None:
    """Runs the gateway until SIGTERM or SIGINT. What no flag says, the environment may: PATHLINE_KAFKA and others.

    Parameters
    ----------
    embedded
        Start a broker and a Postgres from wheels, for one machine, with their data in --data.
    port
        Port to listen on; 8080 when nothing is said.
    host
        Address to listen on; 127.0.0.1 when nothing is said.
    open_to_network
        Say so twice: listen where others reach it, with auth off or embedded.
    data
        Directory of the embedded Postgres.
    intake_processes
        Processes that take in, the gateway's own among them; one when nothing is said. More than the partitions or the
        machine's cores are of no use.
    demo
        Also start the reference services and a simulator; for --embedded.
    dev_auth
        off: every caller is operator, and unknown organisations are registered at their first event. One machine only.
    now
        Freeze the clock of a one-machine instance, for tests.
    """
    said: dict[str, Any] = {"port": port, "host": host, "dev_auth": dev_auth, "now": now}
    said |= {"intake_processes": intake_processes, "open_to_network": open_to_network or None}
    settings = _settings({name: value for name, value in said.items() if value is not None})
    if demo and not embedded:
        _end("--demo runs on one machine: give --embedded too")
    if settings.dev_auth == "on" and settings.issuer is None and not embedded:
        _end("set PATHLINE_ISSUER to the OpenID Connect issuer to believe; --dev-auth off is for one machine")
    if (embedded or settings.dev_auth == "off") and not (settings.open_to_network or _is_loopback(settings.host)):
        _end(
            f"cannot listen on {settings.host} just so: with auth off, or embedded, this is for one machine. Choose a"
            " loopback address with --host, or say it twice with --open-to-network"
        )
    _run(serve(settings, data if embedded else None, demo))


@app.command
def intake(*, until_eof: Annotated[bool, Parameter(negative="", show=False)] = False) -> None:
    """Takes in beside a gateway, in its group, until SIGTERM or SIGINT; PATHLINE_KAFKA and others say where.

    Parameters
    ----------
    until_eof
        Also ends when standard input does: with the process that started it.
    """
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
    observe.configure()
    try:
        uvloop.run(work)
    except _TELLING as failed:
        _end(str(failed))
    finally:
        observe.shut_down()


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


def main() -> None:
    """Entry point."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `parked list | head` ends quietly
    app()
