"""The broker that a command writes to: that of a one-machine gateway at work, or the one of PATHLINE_KAFKA."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pathline_gateway import embedded
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.kafka import client_config
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.settings import Settings

_BROKER_UNREACHABLE = "the broker cannot be reached ({}): start the gateway, or look at PATHLINE_KAFKA"


@contextlib.asynccontextmanager
async def open_ingest(data: Path | None, pool: asyncpg.Pool) -> AsyncIterator[HttpIngest]:
    """A door of this command's own, into the same log. Ends the process where there is no broker."""
    settings = Settings()
    if data is not None:
        instance = embedded.find_machine(data)
        if instance is None:  # its log is gone when it stops: nothing could be written down
            exit_with_error("the gateway of this directory does not run: start it, and type this again")
        settings = settings.for_embedded_machine(instance.kafka, instance.database, instance.cluster_id)
    producer = AIOKafkaProducer(**client_config.options(settings), acks="all", request_timeout_ms=10_000)
    try:
        await producer.start()
        yield HttpIngest(producer, pool, Progress(), wait_for_postgres=False, register_unknown=False)
    except KafkaError as error:
        exit_with_error(_BROKER_UNREACHABLE.format(type(error).__name__))
    finally:
        await producer.stop()
