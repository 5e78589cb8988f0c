"""From flags to a reader: which mapping, which key, which format."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from pathline import instant
from pathline.cli import times
from pathline.cli.errors import WrongMapping
from pathline.cli.flags import DEFAULT_KEY_FILE, LinkFlags, MappingFlags, RotationFlags
from pathline.cli.formats import format_of
from pathline.cli.keys import pseudonyms
from pathline.cli.links import LinkMapping, Side
from pathline.cli.mapping import RowMapping
from pathline.cli.mapping_file import MappingFile, check_plan, read_plan
from pathline.cli.record_reader import Mapping, Read, mapped, ready
from pathline.cli.sources import xes
from pathline.pseudonym import KEY_BYTES, Pseudonyms
from pathline.vocabulary import ActivityRecorded


@dataclass(frozen=True, slots=True)
class PreparedReader:
    """How a file is read, and the digest of all that decides what comes out."""

    read: Read
    digest: str


def events() -> PreparedReader:
    """For files of ready events."""
    return PreparedReader(ready, "events")


def records(file: Path, flags: MappingFlags, *, trial: bool = False) -> PreparedReader:
    """For files of records. A trial sends nothing, and takes a throw-away key where no key file is named."""
    kind = flags.format or format_of(file)
    plan = read_plan(flags.mapping, flags.settings())
    if kind == "xes":
        plan = _xes(plan)
    check_plan(plan)
    if plan.key_file is None and trial:
        made = pseudonyms_of_trial(plan)
    else:
        made = pseudonyms(plan.org, plan.key_file or DEFAULT_KEY_FILE, plan.epoch)
    return _prepared(RowMapping.of(plan, made), made.key, plan, file, flags)


def pseudonyms_of_trial(plan: MappingFile) -> Pseudonyms:
    """Pseudonyms under a key that nobody keeps."""
    try:
        return Pseudonyms(plan.org, secrets.token_bytes(KEY_BYTES), plan.epoch)
    except ValueError as wrong:
        raise WrongMapping(f"--{wrong}") from None


def links(file: Path, flags: MappingFlags, sides: LinkFlags) -> PreparedReader:
    """For linking tables."""
    if meant := flags.of_rows():
        raise WrongMapping(f"--{meant[0]} has no meaning with --links")
    plan = read_plan(flags.mapping, flags.settings())
    if "system" not in plan.model_fields_set:
        plan = plan.model_copy(update={"system": "links"})
    check_plan(plan)
    if not 0 <= sides.confidence <= 1:
        raise WrongMapping("--confidence must lie between 0 and 1")
    mapping = LinkMapping(
        source=plan.source,
        left=_side("left", sides.left_org, sides.left, sides.left_key_file, sides.left_epoch),
        right=_side("right", sides.right_org, sides.right, sides.right_key_file, sides.right_epoch),
        method=sides.method,
        confidence=sides.confidence,
        at=_instant(sides.at),
        time=plan.time,
        moment=times.reader(plan.time_format, plan.timezone),
    )
    key = hashlib.sha256(mapping.left.pseudonyms.key + mapping.right.pseudonyms.key).digest()
    said = plan.model_copy(update={"values": {"links": {"all": repr(mapping)}}})
    return _prepared(mapping, key, said, file, flags)


def rotation(file: Path, flags: MappingFlags, to: RotationFlags) -> PreparedReader:
    """For lists of the agency's own people, whose pseudonyms of one key epoch and the next are linked."""
    if meant := flags.of_steps():
        raise WrongMapping(f"--{meant[0]} has no meaning for a rotation: it reads --case alone")
    plan = read_plan(flags.mapping, flags.settings())
    if flags.system is None:
        plan = plan.model_copy(update={"system": "rotation"})
    check_plan(plan)
    if plan.case is None:
        raise WrongMapping("--case is required: name the column")
    new_epoch = plan.epoch + 1 if to.new_epoch is None else to.new_epoch
    if new_epoch <= plan.epoch:
        raise WrongMapping(f"--new-epoch must be over {plan.epoch}: epochs only grow")
    key_file = plan.key_file or DEFAULT_KEY_FILE
    old, new = (
        pseudonyms(plan.org, key_file, plan.epoch),
        pseudonyms(plan.org, to.new_key_file or key_file, new_epoch),
    )
    sides = Side(plan.case, old), Side(plan.case, new)
    mapping = LinkMapping(plan.source, *sides, at=_instant(to.at))
    key = hashlib.sha256(old.key + new.key).digest()
    said = plan.model_copy(update={"values": {"rotation": {"all": repr(mapping)}}})
    return _prepared(mapping, key, said, file, flags)


def _prepared(mapping: Mapping, key: bytes, plan: MappingFile, file: Path, flags: MappingFlags) -> PreparedReader:
    kind = flags.format or format_of(file)
    read = mapped(mapping, key, kind, delimiter=plan.delimiter, encoding=plan.encoding)
    return PreparedReader(read, plan.digest(key))


def _xes(plan: MappingFile) -> MappingFile:
    named = plan.with_defaults(case=xes.CASE, time=xes.TIME)
    return named.with_defaults(activity=xes.ACTIVITY) if plan.type == ActivityRecorded.type else named


def _side(name: str, org: str | None, column: str | None, key_file: Path | None, epoch: int) -> Side:
    if org is None or column is None or key_file is None:
        raise WrongMapping(f"--links needs --{name}-org, --{name} and --{name}-key-file")
    return Side(column, pseudonyms(org, key_file, epoch))


def _instant(text: str) -> str:
    try:
        instant.parse(text)
    except ValueError as wrong:
        raise WrongMapping(f"--at {wrong}") from None
    return text
