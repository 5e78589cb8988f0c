"""The mapping as its author wrote it: which column is what. From a TOML file, from flags, or both; flags win."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from pathline.cli.errors import WrongMapping
from pathline.errors import InvalidAttribute
from pathline.interaction import organisation_of
from pathline.rows.headings import is_birth_date
from pathline.rows.row_id import IMPORT_SYSTEM
from pathline.vocabulary import TYPES, ActivityRecorded


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class MappingFile(BaseModel):
    """Which column of a source is what in an interaction. Names are those of the flags."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=_kebab, populate_by_name=True, use_attribute_docstrings=True
    )

    org: str
    """The agency's code in the register."""
    system: str = IMPORT_SYSTEM
    """The agency's system that the records come from; `source` is urn:pathline:<org>:<system>."""
    key_file: Path | None = None
    """The file with the agency's key."""
    epoch: int = 1
    """The epoch of that key."""
    case: tuple[str, ...] = ()
    """The column with the agency's own identifier of the person or case; it becomes the pseudonym and goes nowhere.

    Several columns name a person together, such as name and date of birth.
    """
    case_value: tuple[str, ...] = ()
    """Texts that look like no value, such as NA, and are identifiers."""
    no_value: tuple[str, ...] = ()
    """Texts that are no identifiers; their rows are refused."""
    activity: str | None = None
    """The column with the name of the step."""
    time: str | None = None
    """The column that says when it happened."""
    time_format: str | None = None
    """A strptime pattern, `unix` or `unix-ms`; RFC 3339 and the common ISO-like forms need none."""
    timezone: str | None = None
    """Where the clock of times without an offset hangs: UTC, +10:00 or Europe/Amsterdam."""
    recorded: str | None = None
    """The column that says when it was written down; read as `time` is."""
    sequence: str | None = None
    """The column with the agency's own order of events with equal time; compared as text."""
    id: tuple[str, ...] = ()
    """The columns that together are a record's id; made of person and time when there are none."""
    id_prefix: str = ""
    """What every id begins with, such as `task-`."""
    id_per_case: bool = False
    """Whether ids are unique only within a case."""
    type: str = ActivityRecorded.type
    """The type of the interactions."""
    service: str | None = None
    """The registered service that all of it belongs to."""
    service_column: str | None = None
    """The column with the service; its text is made a code: `Group 1` becomes `group-1`."""
    channel: str | None = None
    """How person and service met, when that is the same for all."""
    channel_column: str | None = None
    """The column with the channel."""
    fields: Mapping[str, str] = Field(default_factory=dict)
    """Further fields of the payload and their columns."""
    set: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Further fields of the payload and their constant values."""
    values: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """By field: what a text of the column means in the contract's words. A text that is not listed stays as it is."""
    delimiter: str | None = None
    """What separates the columns of a CSV; found by itself when it is , ; | or a tab."""
    encoding: str = "utf-8-sig"
    """The text encoding of a CSV."""

    @property
    def source(self) -> str:
        """The `source` of every interaction of this import."""
        return f"urn:pathline:{self.org}:{self.system}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the mapping reads, each once."""
        single_columns = (self.activity, self.time, self.recorded, self.sequence, self.service_column)
        all_columns = (*self.case, *single_columns, self.channel_column, *self.id, *self.fields.values())
        return tuple(dict.fromkeys(column for column in all_columns if column is not None))

    @property
    def columns_sent_unchanged(self) -> frozenset[str | None]:
        """The columns whose texts travel; those of persons become pseudonyms."""
        field_columns = (column for path, column in self.fields.items() if path.rpartition(".")[2] != "subject")
        single_columns = (
            self.activity,
            self.sequence,
            self.service_column,
            self.channel_column,
            self.time,
            self.recorded,
        )
        return frozenset((*self.id, *field_columns, *single_columns))

    def digest(self, key: bytes) -> str:
        """What tells this mapping under this key from any other, and tells nothing else."""
        content = self.model_dump_json(exclude={"key_file"}).encode()
        return hashlib.blake2b(content, key=hashlib.sha256(key).digest(), digest_size=16).hexdigest()

    def with_defaults(self, **columns: str | tuple[str, ...]) -> Self:
        """The plan with these columns where none is named."""
        return self.model_copy(update={name: column for name, column in columns.items() if not getattr(self, name)})


def read_mapping_file(file: Path | None, flags: Mapping[str, Any]) -> MappingFile:
    """The mapping in the file, with the flags over it. Raises WrongMapping saying what to write where."""
    settings = {} if file is None else _read_toml(file)
    merged = {**settings, **{_kebab(name): value for name, value in flags.items() if value not in (None, (), {}, [])}}
    for table in ("fields", "set"):
        if isinstance(settings.get(table), dict) and table in merged:
            merged[table] = {**settings[table], **merged[table]}
    if merged.get("delimiter") == r"\t":
        merged["delimiter"] = "\t"
    try:
        mapping_file = MappingFile.model_validate(merged)
    except ValidationError as error:
        raise WrongMapping(_explain_error(error, file)) from None
    return mapping_file


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise WrongMapping(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise WrongMapping(f"{file}: is not TOML: {error}") from None
    for several in ("id", "case", "case-value", "no-value"):
        if isinstance(settings.get(several), str):
            settings[several] = [settings[several]]
    if isinstance(settings.get("key-file"), str):
        settings["key-file"] = file.parent / settings["key-file"]
    return settings


def _explain_error(validation_error: ValidationError, file: Path | None) -> str:
    error = validation_error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in error["loc"])
    location = f"{file}: {name}" if file else f"--{name}"
    match error["type"]:
        case "missing":
            return f"--{name} is required, on the command line or in the mapping file"
        case "extra_forbidden":
            setting_names = [_kebab(field) for field in MappingFile.model_fields]
            suggestions = get_close_matches(name, setting_names, n=1)
            return f"{location} is no setting" + (
                f"; did you mean {suggestions[0]}?" if suggestions else f"; use {', '.join(setting_names)}"
            )
        case _:
            return f"{location}: {error['msg']}"


def check_mapping_file(mapping_file: MappingFile) -> None:
    """Raises WrongMapping for what no file could make right."""
    try:
        organisation_of(mapping_file.source)
    except InvalidAttribute:
        raise WrongMapping(
            "--org and --system: write the organisation's code, such as food-bank, and a name of letters and digits"
        ) from None
    if mapping_file.delimiter is not None and (len(mapping_file.delimiter) != 1 or mapping_file.delimiter in '\r\n"'):
        raise WrongMapping("--delimiter: write one character, or \\t for a tab")
    if mapping_file.type not in TYPES:
        suggestions = get_close_matches(mapping_file.type, TYPES, n=1)
        hint = f"did you mean {suggestions[0]}?" if suggestions else "see the vocabulary"
        raise WrongMapping(f"--type: no contract is registered for this type; {hint}")
    for column in mapping_file.case:
        if column in mapping_file.columns_sent_unchanged:
            raise WrongMapping(
                f"column '{column}' is the identifier that must not leave this machine. It cannot be sent as "
                "anything else; use --id-per-case to make ids unique by case"
            )
    if mapping_file.time is not None and is_birth_date(mapping_file.time):
        raise WrongMapping(
            f"column '{mapping_file.time}' says when somebody was born, which is not when something happened; "
            "name another column with --time"
        )
    for constant, column in (("service", "service_column"), ("channel", "channel_column")):
        if getattr(mapping_file, constant) is not None and getattr(mapping_file, column) is not None:
            raise WrongMapping(f"give --{constant} or --{_kebab(column)}, not both")
