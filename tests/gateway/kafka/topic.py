"""An organisation's topic as its operator and its publisher have it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import TopicAlreadyExistsError, for_code

from support.intake.deliveries import PublishedEvent, encoded


class Topic:
    """`pathline.in.<org>`, of one partition."""

    def __init__(self, bootstrap: str, org: str) -> None:
        self.bootstrap, self.org, self.name = bootstrap, org, f"pathline.in.{org}"

    async def make(self) -> None:
        """It is there, and new."""
        async with _admin(self.bootstrap) as admin, asyncio.timeout(30):
            while True:
                answer = await admin.create_topics([NewTopic(self.name, 1, 1)])
                code = answer.topic_errors[0][1]
                if code == 0:
                    return
                if code != TopicAlreadyExistsError.errno:
                    raise for_code(code)
                await asyncio.sleep(0.01)  # it is being deleted

    async def delete(self) -> None:
        async with _admin(self.bootstrap) as admin:
            await admin.delete_topics([self.name])

    async def expire(self, before: int) -> None:
        """The records before this offset are no more."""
        async with _admin(self.bootstrap) as admin:
            await admin.delete_records({TopicPartition(self.name, 0): RecordsToDelete(before)})

    def event(self, n: int) -> tuple[list[tuple[str, bytes]], bytes | None]:
        headers, value = encoded(PublishedEvent("step", self.org, n, n % 3, 0))
        return list(headers), value

    async def publish(self, ids: Iterable[int], **producer: Any) -> None:
        """These events are acknowledged."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", enable_idempotence=False) as made:
            await asyncio.gather(*[await self._send(made, n) for n in ids])

    async def _send(self, producer: AIOKafkaProducer, n: int) -> Any:
        headers, value = self.event(n)
        return await producer.send(self.name, value, headers=headers)

    async def transact(self, ids: Iterable[int], *, commit: bool) -> None:
        """These events were sent in one transaction, that was committed or given up."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, transactional_id=f"{self.org}-t") as producer:
            await producer.begin_transaction()
            await asyncio.gather(*[await self._send(producer, n) for n in ids])
            await (producer.commit_transaction() if commit else producer.abort_transaction())


class _admin:
    def __init__(self, bootstrap: str) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self._admin.start()
        return self._admin

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()
