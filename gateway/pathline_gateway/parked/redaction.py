"""Parked records as operators are told them: of who conceals, neither whose they are nor what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Final

from pathline_gateway.intake.parked_repository import StoredParkedRecord
from pathline_gateway.parked.overview_repository import ParkedFilter, ParkedGroupRow, ParkedListItem

DETAIL: Final = "an organisation that conceals sent this: ask those who run its systems"


def shown(record: ParkedListItem, concealing: Set[str]) -> ParkedListItem:
    """The record in a list."""
    if record.org not in concealing:
        return record
    return replace(record, org=None, topic="", field=None, detail=DETAIL, size=None, sha256=None, bytes=None)


def shown_whole(record: StoredParkedRecord, concealing: Set[str]) -> StoredParkedRecord:
    """The record by itself."""
    if record.org not in concealing:
        return record
    return replace(
        record, org=None, topic="", field=None, detail=DETAIL, key=None, value=None, headers=[],
        size=None, value_size=None, sha256=None,
    )  # fmt: skip


def shown_groups(groups: Iterable[ParkedGroupRow], concealing: Set[str]) -> list[ParkedGroupRow]:
    """Counts, those of all organisations that conceal together with those of nobody who could be told."""
    found: dict[tuple[str | None, str], ParkedGroupRow] = {}
    for each in groups:
        group = replace(each, org=None, fields=None) if each.org in concealing else each
        key = (group.org, group.reason)
        found[key] = _together(found[key], group) if key in found else group
    return sorted(found.values(), key=lambda each: (-each.n, each.org or "", each.reason))


def may_be_asked_for(wanted: ParkedFilter, concealing: Set[str]) -> bool:
    """Whether the list of this publisher is anybody else's to see."""
    return wanted.org is None or wanted.org not in concealing


def _together(one: ParkedGroupRow, other: ParkedGroupRow) -> ParkedGroupRow:
    fields = sorted({*(one.fields or ()), *(other.fields or ())})
    return ParkedGroupRow(
        one.org,
        one.reason,
        one.n + other.n,
        min(one.oldest, other.oldest),
        max(one.newest, other.newest),
        max(one.last, other.last),
        fields or None,
    )
