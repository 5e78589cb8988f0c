"""Batches of the formats before 2017, which brokers still have in old logs: messages in a message. Pure.

aiokafka's own reader believes the lengths that stand in there; one that is negative would keep it for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from pathline_gateway.kafka.fetch.bounds import MAX_RECORD_BYTES
from pathline_gateway.kafka.fetch.decompress import decompress
from pathline_gateway.kafka.fetch.record_scanner import MalformedRecords

_HEAD: Final = struct.Struct(">qiIbb")
"""Offset, length of what follows it, checksum, format, attributes."""
_PREFIX_BYTES: Final = 12
_TIME: Final = struct.Struct(">q")
_LENGTH: Final = struct.Struct(">i")
_CODEC: Final = 0x07
_LZ4: Final = 3
_LOG_APPEND_TIME: Final = 0x08
_MAX_MESSAGE_BYTES: Final = 8 * MAX_RECORD_BYTES
"""Most bytes of inner messages. They cannot be read one by one, since the last has the offset of all."""


class LegacyMessage(NamedTuple):
    """A message of an old format."""

    offset: int
    timestamp: int
    attributes: int
    key: bytes | None
    value: bytes | None


def parse_messages(raw: bytes) -> list[LegacyMessage]:
    """The messages of one batch: itself, or those that are compressed in it.

    Raises Broken, Undecodable, and DecompressedTooLarge when they are more than 8 MB.
    """
    outer = _parse_message(raw, 0, raw[16])[0]
    codec = outer.attributes & _CODEC
    if not codec:
        return [outer]
    version = raw[16]
    if outer.value is None or (version == 0 and codec == _LZ4):  # the latter is made with a checksum that is wrong
        raise MalformedRecords
    inner_messages = list(_parse_inner(b"".join(decompress(codec, outer.value, _MAX_MESSAGE_BYTES)), version))
    if not inner_messages or any(message.attributes & _CODEC for message in inner_messages):
        raise MalformedRecords
    base = outer.offset - inner_messages[-1].offset if version else 0
    log_append_time = outer.timestamp if outer.attributes & _LOG_APPEND_TIME else None
    return [
        message._replace(
            offset=base + message.offset, timestamp=message.timestamp if log_append_time is None else log_append_time
        )
        for message in inner_messages
    ]


def _parse_inner(data: bytes, version: int) -> Iterator[LegacyMessage]:
    position = 0
    while position < len(data):
        message, position = _parse_message(data, position, version)
        yield message


def _parse_message(data: bytes, position: int, version: int) -> tuple[LegacyMessage, int]:
    """The message that begins here, and where it ends."""
    try:
        offset, length, _, magic, attributes = _HEAD.unpack_from(data, position)
        end = position + _PREFIX_BYTES + length
        position += _HEAD.size
        timestamp = -1
        if version:
            (timestamp,) = _TIME.unpack_from(data, position)
            position += _TIME.size
        key, position = _parse_field(data, position)
        value, position = _parse_field(data, position)
    except struct.error:
        raise MalformedRecords from None
    if magic != version or position != end:
        raise MalformedRecords
    return LegacyMessage(offset, timestamp, attributes, key, value), end


def _parse_field(data: bytes, position: int) -> tuple[bytes | None, int]:
    (size,) = _LENGTH.unpack_from(data, position)
    position += _LENGTH.size
    if size < 0:
        return None, position
    if position + size > len(data):
        raise MalformedRecords
    return data[position : position + size], position + size
