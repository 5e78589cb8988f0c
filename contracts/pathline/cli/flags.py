"""The flags that several commands share, in groups. A flag that is not given is None, so that a mapping file counts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from pathline.cli.errors import WrongMapping
from pathline.cli.formats import Format
from pathline.cli.retry import RetryPolicy
from pathline.link_methods import Method

DEFAULT_KEY_FILE: Final = Path("pathline.key")

DEFAULT_ASSERTED_AT: Final = "1970-01-01T00:00:00Z"
"""When a link was asserted whose table does not say: always the same, or a second import would contradict the first."""

_TOKEN_PATTERN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
"""A bearer token (RFC 6750, 2.1)."""

Sector = Literal["government", "third-sector", "community-controlled", "business", "citizen"]

Several = Annotated[tuple[str, ...], Parameter(negative="")]
"""A flag that may be given several times."""


@dataclass(frozen=True, kw_only=True)
class MappingFlags:
    """Which column is what. The same names stand in a mapping file; flags win."""

    mapping: Path | None = None
    """A TOML file with any of these settings, and the tables [fields], [set] and [values.FIELD]."""
    format: Format | None = None
    """What FILE is; by its name or its beginning when not given. Any of them may be gzip."""
    org: str | None = None
    """The agency's code in the register."""
    system: str | None = None
    """The agency's system that the file comes from; "import" when not given."""
    key_file: Path | None = None
    """The file with the agency's key, from `pathline init`; pathline.key when not given."""
    epoch: int | None = None
    """The epoch of that key; 1 when not given."""
    case: Several = ()
    """Column with your identifier of the person or case, repeatable where several columns name a person together. It
    becomes the pseudonym and never leaves this machine."""
    case_value: Several = ()
    """Text that looks like no value, such as NA, and is somebody's identifier; repeatable."""
    no_value: Several = ()
    """Text that is nobody's identifier: its rows are refused; repeatable."""
    activity: str | None = None
    """Column with the name of the step."""
    time: str | None = None
    """Column that says when it happened."""
    time_format: str | None = None
    """strptime pattern, "unix" or "unix-ms"; RFC 3339 and the common ISO-like forms need none."""
    timezone: str | None = None
    """Where the clock of times without an offset hangs: UTC, +10:00, Europe/Amsterdam. Required when there are such."""
    recorded: str | None = None
    """Column that says when it was written down."""
    sequence: str | None = None
    """Column with your own order of events with equal time; compared as text."""
    id: Several = ()
    """Column with the record's id, repeatable; made of person and time when not given."""
    id_prefix: str | None = None
    """What every id begins with, such as "task-"."""
    id_per_case: Annotated[bool | None, Parameter(negative="")] = None
    """The ids are unique only within a case: a keyed hash of the case is added."""
    type: str | None = None
    """Type of the interactions; org.pathline.activity.recorded.v1 when not given."""
    service: str | None = None
    """The registered service that all of it belongs to."""
    service_column: str | None = None
    """Column with the service; its text is made a code."""
    channel: str | None = None
    """How person and service met, when the same for all."""
    channel_column: str | None = None
    """Column with the channel."""
    field: Several = ()
    """NAME=COLUMN, repeatable: a field of the type, such as kind=Reason or to.org=Referred."""
    set: Several = ()
    """NAME=VALUE, repeatable: a field of the type that is the same for all."""
    delimiter: str | None = None
    """What separates the columns of a CSV, \\t for a tab; found by itself when not given."""
    encoding: str | None = None
    """Text encoding of a CSV; UTF-8 when not given."""

    def given_settings(self) -> dict[str, Any]:
        """The settings that were given, by the names of MappingFile."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        pairs = {"fields": _parse_pairs("field", values.pop("field")), "set": _parse_pairs("set", values.pop("set"))}
        return {name: value for name, value in values.items() if name not in ("mapping", "format")} | pairs

    def given_row_flags(self) -> list[str]:
        """The flags that were given and mean nothing for a linking table."""
        link_flags = ("mapping", "format", "org", "system", "time", "time_format", "timezone", "delimiter", "encoding")
        misplaced = [name for name, value in vars(self).items() if value not in (None, ()) and name not in link_flags]
        return [name.replace("_", "-") for name in misplaced]

    def given_step_flags(self) -> list[str]:
        """The flags that were given and mean nothing where only people are listed."""
        rotation_flags = ("case", "key-file", "epoch")
        return [
            name for name in (*self.given_row_flags(), *(["time"] if self.time else [])) if name not in rotation_flags
        ]

    def is_any_given(self) -> bool:
        """Whether any of them was given: the file then holds records and not ready events."""
        return any(getattr(self, field.name) not in (None, ()) for field in fields(self))


@dataclass(frozen=True, kw_only=True)
class LinkFlags:
    """For a table that says who is who: --links."""

    links: Annotated[bool, Parameter(negative="")] = False
    """FILE is a linking table: two columns with identifiers of two organisations."""
    left_org: str | None = None
    """Organisation of the left column."""
    left: str | None = None
    """Column with the left organisation's identifiers."""
    left_key_file: Path | None = None
    """File with the left organisation's key."""
    left_epoch: int = 1
    """Epoch of that key."""
    right_org: str | None = None
    """Organisation of the right column."""
    right: str | None = None
    """Column with the right organisation's identifiers."""
    right_key_file: Path | None = None
    """File with the right organisation's key."""
    right_epoch: int = 1
    """Epoch of that key."""
    method: Method = "record-key"
    """How the two were found to be one."""
    confidence: float = 1.0
    """How sure that is, from 0 to 1."""
    at: str = DEFAULT_ASSERTED_AT
    """When all of it was asserted (RFC 3339), unless --time names a column; fixed, so that a second import agrees."""


@dataclass(frozen=True, kw_only=True)
class RotationFlags:
    """From one key epoch to the next."""

    new_epoch: int | None = None
    """The epoch that begins; the old one and 1 when not given. From then on, say it with --epoch."""
    new_key_file: Path | None = None
    """The file with the key of the new epoch, from `pathline init`; the old key when not given."""
    at: str = DEFAULT_ASSERTED_AT
    """When the links were asserted (RFC 3339); fixed, so that a second run agrees."""


@dataclass(frozen=True, kw_only=True)
class DeliveryFlags:
    """How events are delivered."""

    batch: int = 500
    """Records in one request."""
    in_flight: int = 4
    """Requests at once. After a kill as many may be sent twice, which changes nothing."""
    retry_for: float = 60.0
    """How long a request is tried again, in seconds."""
    resume: Annotated[bool, Parameter(negative="")] = False
    """Go on where an earlier run of the same file, mapping and gateway was stopped."""
    state: Path | None = None
    """Where the position is kept; FILE.pathline-resume.json, or here where FILE's folder is closed, when not given."""
    rejects: Path | None = None
    """Where records are listed that are refused or in conflict, when there are any; FILE.rejects.csv when not given."""
    token_file: Path | None = None
    """File with the bearer token for the gateway; else the environment's PATHLINE_TOKEN."""
    quiet: Annotated[bool, Parameter(negative="")] = False
    """No progress bar."""
    json: Annotated[bool, Parameter(negative="")] = False
    """The summary as JSON."""

    def delivery_settings(self, file: Path) -> dict[str, Any]:
        """The settings of the delivery that are flags."""
        if self.batch < 1 or self.in_flight < 1:
            raise WrongMapping("--batch and --in-flight must be 1 or more")
        if not self.retry_for >= 0:
            raise WrongMapping("--retry-for must be 0 or more seconds")
        return {
            "file": file,
            "state": self.state or _sibling_path(file, "pathline-resume.json"),
            "rejects": self.rejects or _sibling_path(file, "rejects.csv"),
            "resume": self.resume,
            "batch": self.batch,
            "in_flight": self.in_flight,
            "patience": RetryPolicy(self.retry_for),
            "token": self._read_token(),
            "quiet": self.quiet,
        }

    def _read_token(self) -> str | None:
        if self.token_file is None:
            return _validate_token(os.environ.get("PATHLINE_TOKEN", ""), "PATHLINE_TOKEN") or None
        try:
            return _validate_token(self.token_file.read_text("ascii"), str(self.token_file))
        except OSError as error:
            raise WrongMapping(f"{self.token_file}: {error.strerror}; name another file with --token-file") from None
        except UnicodeDecodeError:
            raise WrongMapping(f"{self.token_file}: holds no bearer token") from None


def _validate_token(text: str, origin: str) -> str:
    if text.strip() and not _TOKEN_PATTERN.fullmatch(text.strip()):
        raise WrongMapping(f"{origin}: holds no bearer token")
    return text.strip()


def _sibling_path(file: Path, suffix: str) -> Path:
    """A file beside this one; in the current folder where nothing can be written beside it."""
    sibling = file.with_name(f"{file.name}.{suffix}")
    return sibling if os.access(file.parent, os.W_OK) else Path(sibling.name)


def _parse_pairs(flag: str, texts: Iterable[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if any(not equals or not name or not value for name, equals, value in pairs):
        raise WrongMapping(f"--{flag}: write NAME=COLUMN" if flag == "field" else f"--{flag}: write NAME=VALUE")
    return {name: value for name, _, value in pairs}
