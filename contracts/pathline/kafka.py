"""`KafkaProducer`, an aiokafka producer with the right settings: acks=all, idempotent where the broker can.

It needs `pathline[kafka]`. `producer.publish` sends with it, or with any producer that has the same `send`.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError, UnsupportedVersionError

_LINGER_MS = 10
"""How long a record waits for company, in milliseconds: batching pays more than this costs."""
_BATCH_BYTES = 256 * 1024


class KafkaProducer:
    """`async with KafkaProducer("host:9092") as out: await publish(out, interaction)`.

    Keyword arguments go to aiokafka, such as `security_protocol`, `sasl_mechanism` and `ssl_context`.
    """

    def __init__(self, bootstrap_servers: str, **options: Any) -> None:
        self._options: dict[str, Any] = {
            "bootstrap_servers": bootstrap_servers,
            "acks": "all",
            "linger_ms": _LINGER_MS,
            "max_batch_size": _BATCH_BYTES,
            "compression_type": "lz4",
            **options,
        }
        self._client: AIOKafkaProducer | None = None
        self.idempotent = False
        """Whether the broker drops the repeats of its own network retries (Tansu cannot)."""

    async def __aenter__(self) -> Self:
        try:
            self._client = await _start_client(enable_idempotence=True, **self._options)
            self.idempotent = True
        except (UnknownError, UnsupportedVersionError):
            # Without idempotence a retry may write a record twice; the gateway knows events by source and id.
            self._client = await _start_client(enable_idempotence=False, **self._options)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._client is not None:
            await self._client.stop()

    async def send(self, topic: str, *, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        """Returns when every in-sync replica has the record."""
        if self._client is None:
            raise RuntimeError("enter the producer first: async with KafkaProducer(...) as out")
        await self._client.send_and_wait(topic, value, key=key, headers=headers)


async def _start_client(**options: Any) -> AIOKafkaProducer:
    client = AIOKafkaProducer(**options)
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise
    return client
