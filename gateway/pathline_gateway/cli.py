"""`pathline-gateway`: what an operator runs. What a command needs is imported when it runs: `--help` is quick."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from pathline_gateway.auth.caller import Role
from pathline_gateway.telemetry.logs import configure_logs

app = App(
    name="pathline-gateway",
    help="Assembles pathways from published interactions, and answers when they are pulled.",
    version_format="plaintext",
)

_COMMANDS = "pathline_gateway.commands"

app.command(
    f"{_COMMANDS}.parked:app", "parked", help="Records that were refused: what is wrong, read again, put aside."
)
app.command(
    f"{_COMMANDS}.set_aside:app",
    "set-aside",
    help="What background works could not compute: why, and tried again.",
)
app.command(f"{_COMMANDS}.organisations:app", "organisations", help="The register of who may publish.")
app.command(f"{_COMMANDS}.linkers:app", "linkers", help="Which organisation may say who is who at which others.")
app.command(f"{_COMMANDS}.registrars:app", "registrars", help="Which organisations may register mandates.")
app.command(
    f"{_COMMANDS}.review:app", "review", help="Are these one person? What waits for a decision, with its evidence."
)
app.command(
    f"{_COMMANDS}.lawful_bases:app",
    "lawful",
    help="What organisations may be shown without consent, and under which instrument.",
)


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
    from pathline_gateway.auth.dev_issuer.issuer import NoIssuer, load_issuer

    try:
        print(load_issuer(data).issue_token([role], org, account))
    except NoIssuer as error:
        sys.exit(f"pathline-gateway: {error}")


@app.command
def up(
    *,
    embedded: Annotated[bool, Parameter(negative="")] = False,
    port: int | None = None,
    serve: int | None = None,
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
    serve
        Processes that answer requests at the port; one when nothing is said. Each consumes, too.
    intake_processes
        Processes that consume, those that serve among them; one when nothing is said. More than the partitions or the
        machine's cores are of no use.
    demo
        Also start the reference services and a simulator; for --embedded.
    dev_auth
        off: every caller is operator, and the register gets each organisation at its first event. One machine only.
    now
        Freeze the clock of a one-machine instance, for tests.
    """
    from pathline_gateway.runtime.process_start import start

    flags: dict[str, Any] = {"port": port, "host": host, "dev_auth": dev_auth, "now": now}
    flags |= {
        "serve_processes": serve,
        "intake_processes": intake_processes,
        "open_to_network": open_to_network or None,
    }
    start({name: value for name, value in flags.items() if value is not None}, data if embedded else None, demo)


@app.command
def intake(
    *,
    until_eof: Annotated[bool, Parameter(negative="", show=False)] = False,
    metrics_socket: Annotated[Path | None, Parameter(show=False)] = None,
) -> None:
    """Consumes beside a gateway, in its group, until SIGTERM or SIGINT; PATHLINE_KAFKA and others say where.

    Parameters
    ----------
    until_eof
        Also ends when standard input does: with the process that started it.
    metrics_socket
        Where it tells its metrics to that process, and to others that it started.
    """
    from pathline_gateway.runtime.process_start import start_intake

    start_intake(until_eof, metrics_socket)


@app.command(show=False)
def serve(*, until_eof: Annotated[bool, Parameter(negative="")] = False, metrics_socket: Path | None = None) -> None:
    """One process of `up --serve N`, which starts it: serves at the shared port.

    Parameters
    ----------
    until_eof
        Also ends when standard input does: with the process that started it.
    metrics_socket
        Where it tells its metrics to others.
    """
    from pathline_gateway.runtime.process_start import start_serving

    start_serving(until_eof, metrics_socket)


@app.command
def verify(
    *, data: Path | None = None, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> None:
    """Recomputes everything from the interactions and compares it with what is served, while the gateway may work.

    Exit code 0: nothing differs; 1: something does; 2: it could not be found out. Records that are set aside are
    listed, and are no difference.

    Parameters
    ----------
    data
        Data directory of a one-machine gateway, running or stopped; PATHLINE_DATABASE when nothing is said.
    as_json
        One JSON document instead of a line a check.
    """
    from pathline_gateway.commands.verify import verify as verify_database

    verify_database(data, as_json)


@app.command
def rebuild(
    *,
    data: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Builds what is derived again beside the live tables, says what differs, and switches in one transaction.

    The gateway may work meanwhile. Interrupted at any point, it leaves everything as it was. Exit code 0: the live
    tables are those that were rebuilt, or a dry run found no difference. 1: a dry run found differences. 2: it failed.

    Parameters
    ----------
    data
        Data directory of a one-machine gateway, running or stopped; PATHLINE_DATABASE when nothing is said.
    dry_run
        Only compare.
    as_json
        One JSON document instead of a line a projection.
    """
    from pathline_gateway.commands.rebuild import rebuild as rebuild_database

    rebuild_database(data, dry_run, as_json)


@app.command
def migrate(*, data: Path | None = None) -> None:
    """Brings the database to the schema of this version, as the role of PATHLINE_DATABASE.

    `up` does so by itself where its role may. Where the gateway has a role of its own, run this as the owner first.

    Parameters
    ----------
    data
        Directory of an embedded gateway, running or not.
    """
    from pathline_gateway.commands.migrate import migrate as migrate_database

    migrate_database(data)


def main() -> None:
    """Entry point."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `parked list | head` ends quietly
    configure_logs()
    app()
