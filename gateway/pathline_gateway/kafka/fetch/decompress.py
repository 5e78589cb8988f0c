"""Compressed bytes in pieces, so that nobody has to make all of them before he knows how many they are. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import cramjam
import lz4.frame
import zstandard

from pathline_gateway.kafka.fetch.bounds import PIECE, SNAPPY_BLOCK, ZSTD_WINDOW

NONE: Final = 0
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_FED: Final = 16 * 1_024
"""Compressed bytes that a decoder is given at once: what it leaves over is copied."""
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
_LENGTH: Final = struct.Struct(">i")


class Undecodable(Exception):
    """These bytes are not what their codec makes."""


class PastBound(Exception):
    """There is more than may be made of these bytes."""


def pieces(codec: int, data: bytes, most: int) -> Iterator[bytes]:
    """What the bytes were before they were compressed, in order, in pieces of at most 256 KiB.

    Raises Undecodable, and PastBound instead of the piece that goes past `most` bytes.
    """
    if codec not in _CODECS:
        raise Undecodable(f"codec {codec} is not known")
    left = most
    try:
        for piece in _CODECS[codec](data):
            left -= len(piece)
            if left < 0:
                raise PastBound
            yield piece
    except (zlib.error, zstandard.ZstdError, cramjam.DecompressionError, RuntimeError, EOFError, MemoryError) as wrong:
        raise Undecodable(type(wrong).__name__) from None


def _plain(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(view), PIECE):
        yield bytes(view[start : start + PIECE])


def _gzip(data: bytes) -> Iterator[bytes]:
    rest = memoryview(data)
    while rest:
        decoder, fed = zlib.decompressobj(wbits=31), b""
        while not decoder.eof:
            if not fed:
                if not rest:
                    raise EOFError
                fed, rest = bytes(rest[:_FED]), rest[_FED:]
            if piece := decoder.decompress(fed, PIECE):
                yield piece
            fed = decoder.unconsumed_tail
        rest = memoryview(decoder.unused_data + bytes(rest))  # the member that follows
        if not any(rest[:_FED]):
            return  # a file may be filled up with zeros


def _snappy(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_XERIAL) or len(data) <= _XERIAL_HEADER:
        yield from _plain(_snappy_block(data))
        return
    at = _XERIAL_HEADER
    while at < len(data):
        if at + _LENGTH.size > len(data):
            raise EOFError
        (size,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if size <= 0 or at + size > len(data):
            raise EOFError
        yield from _plain(_snappy_block(data[at : at + size]))
        at += size


def _snappy_block(data: bytes) -> bytes:
    if cramjam.snappy.decompress_raw_len(data) > SNAPPY_BLOCK:
        raise PastBound
    return bytes(cramjam.snappy.decompress_raw(data))


def _lz4(data: bytes) -> Iterator[bytes]:
    rest = memoryview(data)
    while rest:
        decoder, fed = lz4.frame.LZ4FrameDecompressor(), b""
        while not decoder.eof:
            if decoder.needs_input:
                if not rest:
                    raise EOFError
                fed, rest = bytes(rest[:_FED]), rest[_FED:]
            if piece := decoder.decompress(fed, PIECE):
                yield piece
            fed = b""  # it keeps what it has not used
        rest = memoryview((decoder.unused_data or b"") + bytes(rest))


def _zstd(data: bytes) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    with decoder.stream_reader(data, read_across_frames=True) as reader:
        while piece := reader.read(PIECE):
            yield piece


_CODECS: Final[Mapping[int, Callable[[bytes], Iterator[bytes]]]] = {
    NONE: _plain,
    _GZIP: _gzip,
    _SNAPPY: _snappy,
    _LZ4: _lz4,
    _ZSTD: _zstd,
}
