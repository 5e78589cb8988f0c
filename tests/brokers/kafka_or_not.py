"""Kafka for a test, or the reason why not: a failure in CI, elsewhere a skip that the closing summary repeats."""

from __future__ import annotations

import os
from typing import Final

import pytest
from kafka_download import Installation, KafkaMissing, installed

MISSING: Final = "Apache Kafka is missing, so what needs it was not tested"


def kafka_or_not() -> Installation:
    """Kafka can be started; else the test is skipped, or fails where CI=true."""
    try:
        return installed()
    except KafkaMissing as missing:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"{MISSING}: {missing}; CI must have it", pytrace=False)
        pytest.skip(f"{MISSING}: {missing}")


@pytest.fixture(scope="session")
def kafka_installation() -> Installation:
    """Apache Kafka, fetched when it is missing."""
    return kafka_or_not()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line, however many tests were skipped for it."""
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    for reason in sorted({reason.removeprefix("Skipped: ") for reason in reasons if MISSING in reason}):
        terminalreporter.write_line(f"NOT TESTED: {reason} ({sum(reason in each for each in reasons)} tests)")
