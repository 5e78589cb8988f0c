"""From flags to a reader: which mapping, which key, which format."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pathline import instant
from pathline.cli import times
from pathline.cli.errors import WrongMapping
from pathline.cli.flags import DEFAULT_KEY_FILE, LinkFlags, MappingFlags, RotationFlags
from pathline.cli.formats import detect_format
from pathline.cli.identifier_column import IdentifierColumn
from pathline.cli.keys import load_pseudonyms
from pathline.cli.links import LinkMapping, Side
from pathline.cli.mapping import RowMapping
from pathline.cli.mapping_file import MappingFile, check_mapping_file, read_mapping_file
from pathline.cli.record_reader import Mapping, RecordReader, mapped_reader, read_events
from pathline.cli.row_notices import RowNotices
from pathline.cli.sources import xes
from pathline.pseudonym import KEY_BYTES, Pseudonyms
from pathline.vocabulary import ActivityRecorded


@dataclass(frozen=True, slots=True)
class PreparedReader:
    """How a file is read, and the digest of all that decides what comes out."""

    read: RecordReader
    digest: str
    notices: RowNotices = field(default_factory=RowNotices)


def prepare_events() -> PreparedReader:
    """For files of ready events."""
    return PreparedReader(read_events, "events")


def prepare_records(file: Path, flags: MappingFlags, *, trial: bool = False) -> PreparedReader:
    """For files of records. A trial sends nothing, and takes a throw-away key where no key file is named."""
    kind = flags.format or detect_format(file)
    mapping_file = read_mapping_file(flags.mapping, flags.given_settings())
    if kind == "xes":
        mapping_file = _with_xes_columns(mapping_file)
    check_mapping_file(mapping_file)
    if mapping_file.key_file is None and trial:
        key_pseudonyms = trial_pseudonyms(mapping_file)
    else:
        key_pseudonyms = load_pseudonyms(
            mapping_file.org, mapping_file.key_file or DEFAULT_KEY_FILE, mapping_file.epoch
        )
    return _build_reader(
        RowMapping.from_mapping_file(mapping_file, key_pseudonyms), key_pseudonyms.key, mapping_file, file, flags
    )


def trial_pseudonyms(mapping_file: MappingFile) -> Pseudonyms:
    """Pseudonyms under a key that nobody keeps."""
    try:
        return Pseudonyms(mapping_file.org, secrets.token_bytes(KEY_BYTES), mapping_file.epoch)
    except ValueError as error:
        raise WrongMapping(f"--{error}") from None


def prepare_links(file: Path, flags: MappingFlags, sides: LinkFlags) -> PreparedReader:
    """For linking tables."""
    if misplaced_flags := flags.given_row_flags():
        raise WrongMapping(f"--{misplaced_flags[0]} has no meaning with --links")
    mapping_file = read_mapping_file(flags.mapping, flags.given_settings())
    if "system" not in mapping_file.model_fields_set:
        mapping_file = mapping_file.model_copy(update={"system": "links"})
    check_mapping_file(mapping_file)
    if not 0 <= sides.confidence <= 1:
        raise WrongMapping("--confidence must lie between 0 and 1")
    mapping = LinkMapping(
        source=mapping_file.source,
        left=_build_side(mapping_file, "left", sides.left_org, sides.left, sides.left_key_file, sides.left_epoch),
        right=_build_side(mapping_file, "right", sides.right_org, sides.right, sides.right_key_file, sides.right_epoch),
        method=sides.method,
        confidence=sides.confidence,
        asserted_at=_require_instant(sides.at),
        time_column=mapping_file.time,
        parse_time=times.time_reader(mapping_file.time_format, mapping_file.timezone),
    )
    key = hashlib.sha256(mapping.left.pseudonyms.key + mapping.right.pseudonyms.key).digest()
    digested_file = mapping_file.model_copy(update={"values": {"links": {"all": repr(mapping)}}})
    return _build_reader(mapping, key, digested_file, file, flags)


def prepare_rotation(file: Path, flags: MappingFlags, rotation_flags: RotationFlags) -> PreparedReader:
    """For lists of the agency's own people, whose pseudonyms of one key epoch and the next are linked."""
    if misplaced_flags := flags.given_step_flags():
        raise WrongMapping(f"--{misplaced_flags[0]} has no meaning for a rotation: it reads --case alone")
    mapping_file = read_mapping_file(flags.mapping, flags.given_settings())
    if flags.system is None:
        mapping_file = mapping_file.model_copy(update={"system": "rotation"})
    check_mapping_file(mapping_file)
    if not mapping_file.case:
        raise WrongMapping("--case is required: name the column")
    new_epoch = mapping_file.epoch + 1 if rotation_flags.new_epoch is None else rotation_flags.new_epoch
    if new_epoch <= mapping_file.epoch:
        raise WrongMapping(f"--new-epoch must be over {mapping_file.epoch}: epochs only grow")
    key_file = mapping_file.key_file or DEFAULT_KEY_FILE
    old, new = (
        load_pseudonyms(mapping_file.org, key_file, mapping_file.epoch),
        load_pseudonyms(mapping_file.org, rotation_flags.new_key_file or key_file, new_epoch),
    )
    case_column = IdentifierColumn(mapping_file.case, "data.same", mapping_file.case_value, mapping_file.no_value)
    sides = Side(case_column, old), Side(case_column, new)
    mapping = LinkMapping(mapping_file.source, *sides, asserted_at=_require_instant(rotation_flags.at))
    key = hashlib.sha256(old.key + new.key).digest()
    digested_file = mapping_file.model_copy(update={"values": {"rotation": {"all": repr(mapping)}}})
    return _build_reader(mapping, key, digested_file, file, flags)


def _build_reader(
    mapping: Mapping, key: bytes, mapping_file: MappingFile, file: Path, flags: MappingFlags
) -> PreparedReader:
    kind = flags.format or detect_format(file)
    read = mapped_reader(mapping, kind, delimiter=mapping_file.delimiter, encoding=mapping_file.encoding)
    notices = mapping.notices if isinstance(mapping, RowMapping) else RowNotices()
    return PreparedReader(read, mapping_file.digest(key), notices)


def _with_xes_columns(mapping_file: MappingFile) -> MappingFile:
    with_ids = mapping_file.with_defaults(case=(xes.CASE,), time=xes.TIME)
    return with_ids.with_defaults(activity=xes.ACTIVITY) if mapping_file.type == ActivityRecorded.type else with_ids


def _build_side(
    mapping_file: MappingFile, name: str, org: str | None, column: str | None, key_file: Path | None, epoch: int
) -> Side:
    if org is None or column is None or key_file is None:
        raise WrongMapping(f"--links needs --{name}-org, --{name} and --{name}-key-file")
    identifier_column = IdentifierColumn((column,), "data.same", mapping_file.case_value, mapping_file.no_value)
    return Side(identifier_column, load_pseudonyms(org, key_file, epoch))


def _require_instant(text: str) -> str:
    try:
        instant.parse(text)
    except ValueError as error:
        raise WrongMapping(f"--at {error}") from None
    return text
