"""One queue of tests for all workers: what shares a server is one piece, and goes to one worker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


def write_groups(place: Path, groups: Mapping[str, str]) -> None:
    """The group of each test that has one, for whoever deals them out; every worker writes the same."""
    mine = place.with_suffix(f".{os.getpid()}")
    mine.write_text(json.dumps(groups))
    mine.replace(place)


class OneQueue(LoadScopeScheduling):  # type: ignore[misc]
    """Whoever is free takes the next piece: a group's tests, or one test that has no group.

    The groups are read from a file, as xdist's own `loadgroup` writes them into ids that pytest no longer lets change.
    """

    def __init__(self, config: pytest.Config, log: Producer | None, groups: Path) -> None:
        config.option.loadscopereorder = False  # the tests come in the order that is meant
        super().__init__(config, log)
        self._place = groups
        self._groups: dict[str, str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        if self._groups is None:
            self._groups = json.loads(self._place.read_text())
        return self._groups.get(nodeid, nodeid)


def groups_of(items: Iterable[pytest.Item]) -> dict[str, str]:
    """By id; the tests of other groups are not in it."""
    found = ((item.nodeid, item.get_closest_marker("group")) for item in items)
    return {nodeid: str(mark.args[0]) for nodeid, mark in found if mark is not None}
