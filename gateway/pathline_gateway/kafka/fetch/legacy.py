"""Batches of the formats before 2017, which brokers still have in old logs: messages in a message. Pure.

aiokafka's own reader believes the lengths that stand in there; one that is negative would keep it for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from pathline_gateway.kafka.fetch.bounds import RECORD
from pathline_gateway.kafka.fetch.decompress import pieces
from pathline_gateway.kafka.fetch.record_walk import Broken

_HEAD: Final = struct.Struct(">qiIbb")
"""Offset, length of what follows it, checksum, format, attributes."""
_BEFORE_LENGTH: Final = 12
_TIME: Final = struct.Struct(">q")
_LENGTH: Final = struct.Struct(">i")
_CODEC: Final = 0x07
_LZ4: Final = 3
_LOG_TIME: Final = 0x08
_MOST: Final = 8 * RECORD
"""Bytes of messages that are read of one: they cannot be read one by one, since the last has the offset of all."""


class LegacyMessage(NamedTuple):
    """A message of an old format."""

    offset: int
    timestamp: int
    attributes: int
    key: bytes | None
    value: bytes | None


def messages(raw: bytes) -> list[LegacyMessage]:
    """The messages of one batch: itself, or those that are compressed in it.

    Raises Broken, Undecodable, and PastBound when they are more than 8 MB.
    """
    outer = _message(raw, 0, raw[16])[0]
    codec = outer.attributes & _CODEC
    if not codec:
        return [outer]
    version = raw[16]
    if outer.value is None or (version == 0 and codec == _LZ4):  # the latter is made with a checksum that is wrong
        raise Broken
    inner = list(_inner(b"".join(pieces(codec, outer.value, _MOST)), version))
    if not inner or any(message.attributes & _CODEC for message in inner):
        raise Broken
    base = outer.offset - inner[-1].offset if version else 0
    logged = outer.timestamp if outer.attributes & _LOG_TIME else None
    return [
        message._replace(offset=base + message.offset, timestamp=message.timestamp if logged is None else logged)
        for message in inner
    ]


def _inner(data: bytes, version: int) -> Iterator[LegacyMessage]:
    at = 0
    while at < len(data):
        message, at = _message(data, at, version)
        yield message


def _message(data: bytes, at: int, version: int) -> tuple[LegacyMessage, int]:
    """The message that begins here, and where it ends."""
    try:
        offset, length, _, magic, attributes = _HEAD.unpack_from(data, at)
        end = at + _BEFORE_LENGTH + length
        at += _HEAD.size
        timestamp = -1
        if version:
            (timestamp,) = _TIME.unpack_from(data, at)
            at += _TIME.size
        key, at = _field(data, at)
        value, at = _field(data, at)
    except struct.error:
        raise Broken from None
    if magic != version or at != end:
        raise Broken
    return LegacyMessage(offset, timestamp, attributes, key, value), end


def _field(data: bytes, at: int) -> tuple[bytes | None, int]:
    (size,) = _LENGTH.unpack_from(data, at)
    at += _LENGTH.size
    if size < 0:
        return None, at
    if at + size > len(data):
        raise Broken
    return data[at : at + size], at + size
