"""Marks are found by what a test uses, and what shares a server goes to one worker."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from support.run.not_tested import say_what_was_not_tested
from support.run.one_queue import OneQueue, write_groups


def test_a_group_is_one_piece_and_other_tests_are_a_piece_each(tmp_path: Path) -> None:
    place = tmp_path / "groups.json"
    write_groups(place, {"a.py::one": "a", "a.py::two": "a"})
    queue = object.__new__(OneQueue)
    queue._place, queue._groups = place, None
    assert [queue._split_scope(each) for each in ("a.py::one", "a.py::two", "b.py::one")] == ["a", "a", "b.py::one"]


def test_this_test_needs_no_server(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("unit")


def test_the_closing_lines_say_what_was_skipped_and_how_to_get_it() -> None:
    lines: list[str] = []
    skipped = [SimpleNamespace(longrepr=("file", 1, "Skipped: no browser: run `make browser`")) for _ in range(2)]
    report = SimpleNamespace(stats={"skipped": skipped}, write_line=lines.append)
    say_what_was_not_tested(report, SimpleNamespace(option=SimpleNamespace(markexpr="not long")))  # type: ignore[arg-type]
    assert lines == [
        "NOT TESTED: no browser: run `make browser` (2 tests)",
        "NOT TESTED: what takes minutes, and properties with all their examples: make test-long",
    ]
