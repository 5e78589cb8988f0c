"""librdkafka's mock cluster as a test's broker: pretended nodes inside this process, with faults on demand.

It comes with the wheel of confluent-kafka, whose shared library is called directly: its Python interface can start a
mock cluster, and has no way to tell it anything.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import confluent_kafka

_PRODUCER: Final = 0
_ERROR_SIZE: Final = 512


class MockCluster:
    """Nodes 1 to `nodes`. Topics must be made here: the cluster knows no request for that."""

    def __init__(self, nodes: int = 3) -> None:
        self._nodes = nodes
        self._library = _library()
        self._client = ctypes.c_void_p()
        self._cluster = ctypes.c_void_p()
        self.bootstrap = ""

    async def __aenter__(self) -> Self:
        why = ctypes.create_string_buffer(_ERROR_SIZE)
        self._client = ctypes.c_void_p(self._library.rd_kafka_new(_PRODUCER, None, why, _ERROR_SIZE))
        if not self._client:
            raise OSError(f"librdkafka has not started: {why.value.decode()}")
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._client, self._nodes))
        self.bootstrap = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def client(self) -> dict[str, Any]:
        """aiokafka's keyword arguments."""
        return {"bootstrap_servers": self.bootstrap}

    def make(self, topic: str, partitions: int) -> None:
        """The topic is there, with a copy on every node. Raises KafkaException."""
        self._done(self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, self._nodes))

    def lead(self, topic: str, partition: int, node: int) -> None:
        """The node leads the partition."""
        done = self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), partition, node)
        self._done(done)

    @contextmanager
    def down(self, node: int) -> Iterator[None]:
        """The node refuses connections inside the block."""
        self._done(self._library.rd_kafka_mock_broker_set_down(self._cluster, node))
        try:
            yield
        finally:
            self._done(self._library.rd_kafka_mock_broker_set_up(self._cluster, node))

    def slow(self, node: int, milliseconds: int) -> None:
        """Every answer of the node takes so long."""
        self._done(self._library.rd_kafka_mock_broker_set_rtt(self._cluster, node, milliseconds))

    def fail_next(self, request: int, *errors: int) -> None:
        """The next requests of this kind (its key in the protocol) are answered with these error codes, in order."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), codes
        )

    def _done(self, code: int) -> None:
        if code:
            raise confluent_kafka.KafkaException(confluent_kafka.KafkaError(code))


def _library() -> ctypes.CDLL:
    (path,) = (Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")).glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library
