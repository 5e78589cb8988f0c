"""pytest's last lines: what was skipped for want of something, or left for a longer run, and how to get it."""

from __future__ import annotations

import pytest


def say_what_was_not_tested(report: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each reason, however many tests were skipped for it."""
    reasons = [str(each.longrepr[2]).removeprefix("Skipped: ") for each in report.stats.get("skipped", [])]
    for reason in sorted(set(reasons)):
        report.write_line(f"NOT TESTED: {reason} ({_tests(reasons.count(reason))})")
    if config.option.markexpr == "not long":
        report.write_line("NOT TESTED: what takes minutes, and properties with all their examples: make test-long")


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"
