"""An organisation with Kafka, as a test plays it."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


class Kafka:
    """An agency with Kafka: its own topic, and a producer on a loop of its own."""

    def __init__(self, bootstrap: str, org: str) -> None:
        self.topic = f"pathline.in.{org}"
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._start(bootstrap))

    async def _start(self, bootstrap: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, 2, 1)])
        await admin.close()
        self.producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=False)
        await self.producer.start()

    def send(self, key: str, headers: list[tuple[str, bytes]], value: bytes | None) -> None:
        self.loop.run_until_complete(self.producer.send_and_wait(self.topic, value, key=key.encode(), headers=headers))

    def send_all(self, records: list[tuple[list[tuple[str, bytes]], bytes | None]]) -> None:
        """Every record is with the broker, in this order for each partition."""
        self.loop.run_until_complete(self._send_all(records))

    async def _send_all(self, records: list[tuple[list[tuple[str, bytes]], bytes | None]]) -> None:
        sent = [
            await self.producer.send(self.topic, value, key=str(n % 7).encode(), headers=headers)
            for n, (headers, value) in enumerate(records)
        ]
        await asyncio.gather(*sent)

    def stop(self) -> None:
        self.loop.run_until_complete(self.producer.stop())
        self.loop.close()
