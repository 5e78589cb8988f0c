"""Kafka for a test, or the reason why not: a failure in CI, elsewhere a skip that the closing lines repeat."""

from __future__ import annotations

import os
from typing import Final

import pytest

from support.brokers.kafka_download import Installation, KafkaMissing, installed

MISSING: Final = "Apache Kafka is missing, so what needs it was not tested (`make kafka` fetches it)"


def require_kafka() -> Installation:
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
    return require_kafka()
