"""A producer whose header names may hold any bytes, as the protocol lets them: a process of its own.

`python odd_headers.py BOOTSTRAP TOPIC COMPRESSION` sends the records on stdin, as JSON, in one batch: a list of
`[[[name in hexadecimal, value], …], value]`. aiokafka's compiled parts accept only text; its Python ones ask the name.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

Record = tuple[list[tuple[bytes, str]], str]


def sent(bootstrap: str, topic: str, records: list[Record], compression: str) -> None:
    """The broker has these records."""
    lines = [[[(name.hex(), text) for name, text in headers], value] for headers, value in records]
    command = [sys.executable, str(Path(__file__)), bootstrap, topic, compression]
    environment = os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"}
    subprocess.run(command, input=json.dumps(lines).encode(), env=environment, check=True, timeout=30)


class _Name(str):
    """A header name that is these bytes on the wire."""

    def __new__(cls, raw: bytes) -> _Name:
        name = super().__new__(cls, raw.decode("latin-1"))
        name.raw = raw
        return name

    raw: bytes

    def encode(self, *_: object) -> bytes:
        return self.raw


async def _send(bootstrap: str, topic: str, compression: str, lines: list[list[list[list[str]]]]) -> None:
    from aiokafka import AIOKafkaProducer

    kind = None if compression == "none" else compression
    settings = {"enable_idempotence": False, "linger_ms": 200, "compression_type": kind}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **settings) as producer:
        acknowledged = [
            await producer.send(
                topic,
                str(value).encode(),
                partition=0,
                headers=[(_Name(bytes.fromhex(name)), text.encode()) for name, text in headers],
            )
            for headers, value in lines
        ]
        await asyncio.gather(*acknowledged)


if __name__ == "__main__":
    _, bootstrap, topic, compression = sys.argv
    asyncio.run(_send(bootstrap, topic, compression, json.load(sys.stdin)))
