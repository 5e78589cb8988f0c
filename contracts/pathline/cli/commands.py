"""`pathline init | check | publish | import | rotate`: their flags. What a command needs is imported when it runs."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter

from pathline.cli.errors import AccessDenied, CommandError, Unreachable, WrongMapping
from pathline.cli.flags import DEFAULT_KEY_FILE, DeliveryFlags, LinkFlags, MappingFlags, RotationFlags, Sector

if TYPE_CHECKING:
    from pathline.cli.reader_setup import PreparedReader

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

app = App(
    name="pathline",
    help="Interactions between citizens and services, from your machine to a gateway, under pseudonyms.",
    result_action="return_value",
    version_format="plaintext",
)

Mapping = Annotated[MappingFlags, Parameter(name="*")]
Links = Annotated[LinkFlags, Parameter(name="*")]
Rotation = Annotated[RotationFlags, Parameter(name="*")]
Delivery = Annotated[DeliveryFlags, Parameter(name="*")]


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 all accepted; 1 some refused or in conflict; 2 cannot go on, as told; 3 gateway unreachable."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's code page cannot show is written as an escape, and stops nothing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int | None = app(arguments, exit_on_error=False)
    except CycloptsError:
        return 2
    except CommandError as error:
        print(f"pathline: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("pathline: interrupted; what was acknowledged is kept, --resume goes on from there", file=sys.stderr)
        return INTERRUPTED
    return code or 0


@app.command
def init(
    *,
    org: str,
    name: str | None = None,
    sector: Sector = "government",
    key_file: Path = DEFAULT_KEY_FILE,
    entry: Path | None = None,
) -> int:
    """Makes the agency's secret key and the entry by which the operator registers the agency.

    Parameters
    ----------
    org
        The agency's code: lower-case words joined by hyphens.
    name
        The agency's name.
    sector
        The agency's sector.
    key_file
        Where the key goes; nothing is ever overwritten.
    entry
        Where the register entry goes; to the screen when not given. Nothing is ever overwritten.
    """
    from pathline.cli.keys import write_new_key
    from pathline.cli.register import RegisterEntry

    register = RegisterEntry(org, name or org, sector)
    if entry is not None:
        register.write(entry)
    try:
        write_new_key(key_file)
    except CommandError:
        if entry is not None:
            entry.unlink()
        raise
    if entry is None:
        print(register.as_json())
    where = "the entry above" if entry is None else str(entry)
    print(
        f"The key is in {key_file}. Keep a copy where only you can read it, and give it to nobody. Without it you\n"
        f"cannot make your pseudonyms again, and whoever has it can make them.\n"
        f"Next: send {where} to the operator of the gateway. Then try a file:\n"
        f"  pathline check FILE.csv --org {org} --case COLUMN --activity COLUMN --time COLUMN\n"
        f"  pathline import FILE.csv --to URL --key-file {key_file} --org {org} --case COLUMN …",
        file=sys.stderr,
    )
    return 0


@app.command
def check(file: Path, /, *, mapping: Mapping = MappingFlags(), json: bool = False) -> int:  # noqa: B008
    """Says of each event or record in FILE whether it keeps its contract. Nothing is sent.

    FILE holds CloudEvents (one a line, or a JSON array). With the mapping flags it is a CSV, NDJSON or XES of records.
    """
    from pathline.cli import reader_setup as prepare
    from pathline.cli.check_command import check_file
    from pathline.cli.formats import detect_format

    has_records = mapping.is_any_given() or detect_format(file) != "ndjson"
    prepared = prepare.prepare_records(file, mapping, trial=True) if has_records else prepare.prepare_events()
    code = check_file(file, prepared.read, prepared.notices, as_json=json)
    _warn(prepared)
    return code


@app.command
def publish(file: Path, /, *, to: str, delivery: Delivery = DeliveryFlags()) -> int:  # noqa: B008
    """Sends the CloudEvents in FILE: one a line, or a JSON array.

    Parameters
    ----------
    to
        The gateway, such as https://pathline.example, or kafka://host:port.
    """
    from pathline.cli import reader_setup as prepare

    return _deliver(file, prepare.prepare_events(), to, delivery)


@app.command(name="import")
def import_(
    file: Path,
    /,
    *,
    to: str,
    mapping: Mapping = MappingFlags(),  # noqa: B008
    links: Links = LinkFlags(),  # noqa: B008
    delivery: Delivery = DeliveryFlags(),  # noqa: B008
) -> int:
    """Makes pseudonymous interactions of a CSV, NDJSON or XES (any of them gzip) and sends them.

    Parameters
    ----------
    to
        The gateway, such as https://pathline.example, or kafka://host:port.
    """
    from pathline.cli import reader_setup as prepare

    if not links.links and links != LinkFlags():
        raise WrongMapping("--left and --right belong to a linking table; say --links")
    prepared = prepare.prepare_links(file, mapping, links) if links.links else prepare.prepare_records(file, mapping)
    return _deliver(file, prepared, to, delivery)


@app.command
def rotate(
    file: Path,
    /,
    *,
    to: str,
    mapping: Mapping = MappingFlags(),  # noqa: B008
    rotation: Rotation = RotationFlags(),  # noqa: B008
    delivery: Delivery = DeliveryFlags(),  # noqa: B008
) -> int:
    """Links everybody's pseudonym of one key epoch with that of the next, so that pathways go on.

    FILE lists the agency's own identifiers, in the column of --case. Publish and import under the new epoch afterwards.

    Parameters
    ----------
    to
        The gateway, such as https://pathline.example, or kafka://host:port.
    """
    from pathline.cli import reader_setup as prepare

    return _deliver(file, prepare.prepare_rotation(file, mapping, rotation), to, delivery)


def _warn(prepared: PreparedReader) -> None:
    from datetime import UTC, datetime

    for warning in prepared.notices.warnings(datetime.now(UTC)):
        print(f"pathline: {warning}", file=sys.stderr)


def _deliver(file: Path, prepared: PreparedReader, to: str, flags: DeliveryFlags) -> int:
    import asyncio

    from pathline.cli.address import Address
    from pathline.cli.delivery_run import DeliveryRun
    from pathline.cli.delivery_run import run as deliver

    delivery_run = DeliveryRun(
        read=prepared.read, mapping=prepared.digest, address=Address.parse(to), **flags.delivery_settings(file)
    )
    try:
        summary = asyncio.run(deliver(delivery_run))
    except (Unreachable, AccessDenied) as error:
        if delivery_run.state.exists():
            raise type(error)(f"{error}; run the same command with --resume to go on") from None
        raise
    print(summary.as_json() if flags.json else summary.as_text())
    _warn(prepared)
    return 1 if summary.counts.refused or summary.counts.conflict else 0
