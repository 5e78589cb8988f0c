"""Parked records as operators are told them: of who conceals, neither whose they are nor what is in them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Final

from pathline_gateway.store.parked import Kept
from pathline_gateway.store.parked_overview import Brief, Group, Wanted

DETAIL: Final = "an organisation that conceals sent this: ask those who run its systems"


def shown(record: Brief, concealing: Set[str]) -> Brief:
    """The record in a list."""
    if record.org not in concealing:
        return record
    return replace(record, org=None, topic="", field=None, detail=DETAIL, size=None, sha256=None, bytes=None)


def shown_whole(record: Kept, concealing: Set[str]) -> Kept:
    """The record by itself."""
    if record.org not in concealing:
        return record
    return replace(
        record, org=None, topic="", field=None, detail=DETAIL, key=None, value=None, headers=[],
        size=None, value_size=None, sha256=None,
    )  # fmt: skip


def shown_groups(groups: Iterable[Group], concealing: Set[str]) -> list[Group]:
    """Counts, those of all organisations that conceal together with those of nobody who could be told."""
    found: dict[tuple[str | None, str], Group] = {}
    for each in groups:
        group = replace(each, org=None, fields=None) if each.org in concealing else each
        key = (group.org, group.reason)
        found[key] = _together(found[key], group) if key in found else group
    return sorted(found.values(), key=lambda each: (-each.n, each.org or "", each.reason))


def may_be_asked_for(wanted: Wanted, concealing: Set[str]) -> bool:
    """Whether the list of this publisher is anybody else's to see."""
    return wanted.org is None or wanted.org not in concealing


def _together(one: Group, other: Group) -> Group:
    fields = sorted({*(one.fields or ()), *(other.fields or ())})
    return Group(
        one.org,
        one.reason,
        one.n + other.n,
        min(one.oldest, other.oldest),
        max(one.newest, other.newest),
        max(one.last, other.last),
        fields or None,
    )
