"""Compressed bytes in pieces, so that nobody has to make all of them before he knows how many they are. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import cramjam
import lz4.frame
import zstandard

from pathline_gateway.kafka.fetch.bounds import MAX_SNAPPY_BLOCK_BYTES, MAX_ZSTD_WINDOW_BYTES, PIECE_BYTES

NO_CODEC: Final = 0
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_FEED_BYTES: Final = 16 * 1_024
"""Compressed bytes that a decoder is given at once: what it leaves over is copied."""
_MAX_SNAPPY_RATIO: Final = 22
"""Three bytes become 64 at most: what claims more than this is no block, and no memory is taken for it."""
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
_LENGTH: Final = struct.Struct(">i")


class Undecodable(Exception):
    """These bytes are not what their codec makes."""


class DecompressedTooLarge(Exception):
    """There is more than `max_bytes`, which is all that may be made of these bytes."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self.max_bytes = max_bytes


class SnappyBlockTooLarge(DecompressedTooLarge):
    """One block of snappy is larger than is made at once."""


def decompress(codec: int, data: bytes, max_bytes: int) -> Iterator[bytes]:
    """What the bytes were before they were compressed, in order, in pieces of at most 256 KiB.

    Raises Undecodable, and DecompressedTooLarge instead of the piece that goes past `max_bytes` bytes.
    """
    if codec not in _CODECS:
        raise Undecodable(f"codec {codec} is not known")
    bytes_left = max_bytes
    try:
        for piece in _CODECS[codec](data):
            bytes_left -= len(piece)
            if bytes_left < 0:
                raise DecompressedTooLarge(max_bytes)
            yield piece
    except (zlib.error, zstandard.ZstdError, cramjam.DecompressionError, RuntimeError, EOFError, MemoryError) as error:
        raise Undecodable(type(error).__name__) from None


def _split_plain(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(view), PIECE_BYTES):
        yield bytes(view[start : start + PIECE_BYTES])


def _gzip(data: bytes) -> Iterator[bytes]:
    remaining = memoryview(data)
    while remaining:
        decoder, chunk = zlib.decompressobj(wbits=31), b""
        while not decoder.eof:
            if not chunk:
                if not remaining:
                    raise EOFError
                chunk, remaining = bytes(remaining[:_FEED_BYTES]), remaining[_FEED_BYTES:]
            if piece := decoder.decompress(chunk, PIECE_BYTES):
                yield piece
            chunk = decoder.unconsumed_tail
        remaining = memoryview(decoder.unused_data + bytes(remaining))  # the member that follows
        if not any(remaining[:_FEED_BYTES]):
            return  # a file may be filled up with zeros


def _snappy(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_XERIAL) or len(data) <= _XERIAL_HEADER:
        yield from _split_plain(_snappy_block(data))
        return
    position = _XERIAL_HEADER
    while position < len(data):
        if position + _LENGTH.size > len(data):
            raise EOFError
        (size,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        if size <= 0 or position + size > len(data):
            raise EOFError
        yield from _split_plain(_snappy_block(data[position : position + size]))
        position += size


def _snappy_block(data: bytes) -> bytes:
    claimed_bytes = cramjam.snappy.decompress_raw_len(data)
    if claimed_bytes > _MAX_SNAPPY_RATIO * len(data):
        raise Undecodable("it claims more than snappy can make of it")
    if claimed_bytes > MAX_SNAPPY_BLOCK_BYTES:
        raise SnappyBlockTooLarge(MAX_SNAPPY_BLOCK_BYTES)
    return bytes(cramjam.snappy.decompress_raw(data))


def _lz4(data: bytes) -> Iterator[bytes]:
    remaining = memoryview(data)
    while remaining:
        decoder, chunk = lz4.frame.LZ4FrameDecompressor(), b""
        while not decoder.eof:
            if decoder.needs_input:
                if not remaining:
                    raise EOFError
                chunk, remaining = bytes(remaining[:_FEED_BYTES]), remaining[_FEED_BYTES:]
            if piece := decoder.decompress(chunk, PIECE_BYTES):
                yield piece
            chunk = b""  # it keeps what it has not used
        remaining = memoryview((decoder.unused_data or b"") + bytes(remaining))


def _zstd(data: bytes) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES)
    with decoder.stream_reader(data, read_across_frames=True) as reader:
        while piece := reader.read(PIECE_BYTES):
            yield piece


_CODECS: Final[Mapping[int, Callable[[bytes], Iterator[bytes]]]] = {
    NO_CODEC: _split_plain,
    _GZIP: _gzip,
    _SNAPPY: _snappy,
    _LZ4: _lz4,
    _ZSTD: _zstd,
}
