"""Record batches as a publisher may write them: any size, any codec, without that size ever being in memory."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cramjam
import lz4.frame
import zstandard
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

Codec = Literal["none", "gzip", "snappy", "xerial", "lz4", "zstd"]
CODECS: Final[Sequence[Codec]] = ("none", "gzip", "snappy", "xerial", "lz4", "zstd")
NUMBER: Final[dict[Codec, int]] = {"none": 0, "gzip": 1, "snappy": 2, "xerial": 2, "lz4": 3, "zstd": 4}

_AFTER_CHECKSUM: Final = struct.Struct(">hiqqqhii")
_CHUNK: Final = bytes(1 << 20)


@dataclass(frozen=True)
class BatchRecord:
    """A record to be written. `zeros`: bytes of zeros after its value."""

    value: bytes | None = b""
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    key: bytes | None = None
    zeros: int = 0
    time: int = 0
    gap: int = 0
    """Offsets that were compacted away before it."""


def varint(number: int) -> bytes:
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(0x80 | (rest & 0x7F))
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _field(raw: bytes | None, more: int = 0) -> bytes:
    return varint(-1) if raw is None else varint(len(raw) + more) + raw


def chunks(records: Iterable[BatchRecord]) -> Iterator[bytes]:
    """The records as they stand in a batch."""
    offset = -1
    for record in records:
        offset += 1 + record.gap
        head = b"\0" + varint(record.time) + varint(offset) + _field(record.key) + _field(record.value, record.zeros)
        tail = varint(len(record.headers)) + b"".join(_field(name) + _field(said) for name, said in record.headers)
        yield varint(len(head) + record.zeros + len(tail)) + head
        yield from zeros(record.zeros)
        yield tail


def zeros(n: int) -> Iterator[bytes]:
    while n:
        chunk = _CHUNK[:n]
        yield chunk
        n -= len(chunk)


def compressed(codec: Codec, plain: Iterable[bytes]) -> bytes:
    return _COMPRESS[codec](plain)


def _gzip(plain: Iterable[bytes]) -> bytes:
    # A chunk of zeros becomes the same bytes each time after a full flush: they are made once.
    out, crc, size = [b"\x1f\x8b\x08" + bytes(6) + b"\xff"], 0, 0
    deflate, made = zlib.compressobj(9, wbits=-15), b""
    clean = False
    for chunk in plain:
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        if chunk is _CHUNK and clean and made:
            out.append(made)
            continue
        flushed = deflate.compress(chunk) + deflate.flush(zlib.Z_FULL_FLUSH)
        if chunk is _CHUNK and clean:
            made = flushed
        clean = True
        out.append(flushed)
    out.append(deflate.flush() + struct.pack("<II", crc, size & 0xFFFFFFFF))
    return b"".join(out)


def _zstd(plain: Iterable[bytes]) -> bytes:
    made = zstandard.ZstdCompressor().compressobj()
    return b"".join(map(made.compress, plain)) + made.flush()


def _lz4(plain: Iterable[bytes]) -> bytes:
    with lz4.frame.LZ4FrameCompressor(block_linked=False) as made:
        return bytes(made.begin() + b"".join(map(made.compress, plain)) + made.flush())


def _xerial(plain: Iterable[bytes]) -> bytes:
    out = [b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)]
    for chunk in plain:
        for start in range(0, len(chunk), 32_768):
            block = bytes(cramjam.snappy.compress_raw(chunk[start : start + 32_768]))
            out.append(struct.pack(">i", len(block)) + block)
    return b"".join(out)


_COMPRESS: Final[dict[Codec, Callable[[Iterable[bytes]], bytes]]] = {
    "none": b"".join,
    "gzip": _gzip,
    "snappy": lambda plain: bytes(cramjam.snappy.compress_raw(b"".join(plain))),
    "xerial": _xerial,
    "lz4": _lz4,
    "zstd": _zstd,
}


def batch(
    records: Sequence[BatchRecord],
    codec: Codec = "none",
    base: int = 0,
    *,
    count: int | None = None,
    last: int | None = None,
) -> bytes:
    """The batch of these records; `count`, `last`: what it claims instead of what is true."""
    true_last = sum(record.gap for record in records) + len(records) - 1
    body = compressed(codec, chunks(records))
    return framed(body, codec, base, len(records) if count is None else count, true_last if last is None else last)


def framed(body: bytes, codec: Codec, base: int, count: int, last: int) -> bytes:
    """A batch whose records are these bytes, whatever they are."""
    times = (1_700_000_000_000, 1_700_000_000_000)
    after = _AFTER_CHECKSUM.pack(NUMBER[codec], last, *times, -1, -1, -1, count) + body
    checked = struct.pack(">ibI", 0, 2, calc_crc32c(after)) + after
    return struct.pack(">qi", base, len(checked)) + checked


async def produce(bootstrap: str, topic: str, raw: bytes, partition: int = 0) -> int:
    """The broker has taken this batch; its first offset."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client.set_topics([topic])
        async with asyncio.timeout(60):
            while True:
                await client.force_metadata_update()
                node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
                answer = await client.send(node, ProduceRequest(None, -1, 30_000, [(topic, [(partition, raw)])]))
                _, code, offset, *_ = answer.topics[0][1][0]
                if not code:
                    return int(offset)
                if not for_code(code).retriable:
                    raise for_code(code)
                await asyncio.sleep(0.05)  # the topic was made a moment ago
    finally:
        await client.close()
