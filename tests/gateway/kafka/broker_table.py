"""Which broker can do what: the exceptions, each with what happens instead.

What is not named here works on every broker. Both are proved: what a broker learns later fails the suite until its line
is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownError

BROKERS: Final = ("tansu", "mock", "kafka")

Failure = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(frozen=True)
class Cannot:
    """One thing that one broker cannot do."""

    broker: str
    capability: str
    instead: str
    failing: Failure = (AssertionError, KafkaError)


TABLE: Final = (
    Cannot("tansu", "a mistyped topic is not made", "asking for its metadata makes it: consumers must not ask"),
    Cannot("tansu", "ListOffsets tells the end", "the start of the last batch: use the fetch response"),
    Cannot("tansu", "an offset is found by its time", "times are those of arrival, whatever the record says"),
    Cannot("tansu", "idempotent producers", "UNKNOWN_SERVER_ERROR: ask for none", UnknownError),
    Cannot("tansu", "delete records", "it panics and ends the connection", KafkaConnectionError),
    Cannot("tansu", "a position past the end shows", "silence for ever: compare cluster ids", TimeoutError),
    Cannot("tansu", "access control", "whoever reaches it may do everything"),
    Cannot("mock", "topics are made on request", "it names no controller: MockCluster.make", AttributeError),
    Cannot("mock", "topics are deleted on request", "it names no controller: another cluster", AttributeError),
    Cannot("mock", "a mistyped topic is not made", "asking for its metadata makes it"),
    Cannot("mock", "an offset is found by its time", "it answers that there is none"),
    Cannot("mock", "access control", "whoever reaches it may do everything"),
    Cannot("mock", "delete records", "it does not know the request"),
    Cannot("kafka", "access control", "none was asked for here"),
)


PROVED: Final[set[tuple[str, str]]] = set()
"""What some test proves, of which broker."""


def can(broker: str, capability: str) -> bool:
    """Whether this broker is expected to."""
    return all((each.broker, each.capability) != (broker, capability) for each in TABLE)


def on_every_broker(capability: str, *, of: tuple[str, ...] = BROKERS) -> Callable[[Any], Any]:
    """The test is what proves the capability, on each broker; where the table says no, it must fail."""
    PROVED.update((broker, capability) for broker in of)
    return pytest.mark.parametrize("broker", [_expected(name, capability) for name in of], indirect=True)


def _expected(broker: str, capability: str) -> Any:
    found = [each for each in TABLE if (each.broker, each.capability) == (broker, capability)]
    marks = [pytest.mark.xfail(strict=True, raises=each.failing, reason=each.instead) for each in found]
    if broker == "kafka":  # a JVM, which tests of the gateway itself start as well
        marks.append(pytest.mark.long)
    return pytest.param(broker, marks=marks, id=broker)
