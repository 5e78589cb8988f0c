"""Parked records as operators are told them: of who conceals, neither whose they are nor what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import asdict, replace
from typing import Any, Final

from pathline_gateway.intake.parked_repository import StoredParkedRecord
from pathline_gateway.parked.overview_repository import ParkedFilter, ParkedGroupRow, ParkedListItem
from pathline_gateway.parked.replay import ReplayResult

DETAIL: Final = "an organisation that conceals sent this: ask those who run its systems"


def redact(record: ParkedListItem, concealing_orgs: Set[str]) -> ParkedListItem:
    """The record in a list."""
    if record.org not in concealing_orgs:
        return record
    return replace(record, org=None, topic="", field=None, detail=DETAIL, size=None, sha256=None, bytes=None)


def redact_stored(record: StoredParkedRecord, concealing_orgs: Set[str]) -> StoredParkedRecord:
    """A single record."""
    if record.org not in concealing_orgs:
        return record
    return replace(
        record, org=None, topic="", field=None, detail=DETAIL, key=None, value=None, headers=[],
        size=None, value_size=None, sha256=None,
    )  # fmt: skip


def redact_groups(groups: Iterable[ParkedGroupRow], concealing_orgs: Set[str]) -> list[ParkedGroupRow]:
    """Counts, those of all organisations that conceal together with those of nobody who could be told."""
    merged_groups: dict[tuple[str | None, str], ParkedGroupRow] = {}
    for each in groups:
        group = replace(each, org=None, fields=None) if each.org in concealing_orgs else each
        key = (group.org, group.reason)
        merged_groups[key] = _merge_groups(merged_groups[key], group) if key in merged_groups else group
    return sorted(merged_groups.values(), key=lambda each: (-each.n, each.org or "", each.reason))


def serve_result(result: ReplayResult, concealing_orgs: Set[str]) -> dict[str, Any]:
    """What became of a record that was read again, as it is answered."""
    if result.org in concealing_orgs:
        result = replace(result, field=None, detail=DETAIL)
    fields = asdict(result)
    del fields["org"]
    return fields


def is_filter_allowed(parked_filter: ParkedFilter, concealing_orgs: Set[str]) -> bool:
    """Whether the list of this publisher is anybody else's to see."""
    return parked_filter.org is None or parked_filter.org not in concealing_orgs


def _merge_groups(left: ParkedGroupRow, right: ParkedGroupRow) -> ParkedGroupRow:
    fields = sorted({*(left.fields or ()), *(right.fields or ())})
    return ParkedGroupRow(
        left.org,
        left.reason,
        left.n + right.n,
        min(left.oldest, right.oldest),
        max(left.newest, right.newest),
        max(left.last, right.last),
        fields or None,
    )
