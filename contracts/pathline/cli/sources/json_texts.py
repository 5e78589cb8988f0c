"""The values in a file of JSON: one a line (NDJSON), or the elements of one array."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final

from pathline.cli.errors import DamagedSource
from pathline.cli.sources.lines import MAX_LINE_BYTES, bounded_lines

_CHUNK_BYTES = 64 * 1024
_BLANK = re.compile(r"[ \t\r\n]*")
_JSON: Final = json.JSONDecoder()


def json_texts(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The line and the bytes of each value; None in the place of one over MAX_LINE_BYTES."""
    head = _first_byte(stream)
    yield from _elements(stream) if head == b"[" else _lines(stream)


def _first_byte(stream: BinaryIO) -> bytes:
    """The first byte that is no white space or byte order mark; the stream is at its beginning again."""
    start = stream.read(_CHUNK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    stream.seek(0)
    return start[:1]


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    for number, line in bounded_lines(stream):
        if line is None or line.strip():
            yield number, line.strip().removeprefix(b"\xef\xbb\xbf") if line else None


def _elements(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The elements of the outermost array; only the one that is being read is held."""
    window = _Window(codecs.getreader("utf-8-sig")(stream))
    window.skip("[")
    while not window.is_closed():
        line = window.line
        yield line, window.read_element().encode("utf-8", "surrogatepass")
        window.skip(",")
    window.require_end()


class _Window:
    """The part of the text that is in memory: from the element that is being read, a chunk at a time."""

    def __init__(self, text: codecs.StreamReader) -> None:
        self._text = text
        self._buffer = ""
        self._position = 0
        self.line = 1

    def skip(self, mark: str) -> None:
        """Moves past white space and this mark, once, if it stands here, to what follows."""
        self._skip_blank()
        if self._buffer.startswith(mark, self._position):
            self._position += 1
            self._skip_blank()

    def is_closed(self) -> bool:
        """Whether the array is closed here. Raises DamagedSource when the file ends before it is."""
        if self._position == len(self._buffer):
            raise self._damaged_source("the JSON array is not closed; the file is cut short")
        return self._buffer[self._position] == "]"

    def require_end(self) -> None:
        """Raises DamagedSource where anything follows the array, which nobody would read."""
        self.skip("]")
        if self._position < len(self._buffer):
            raise self._damaged_source(
                "something follows the JSON array; put all of it in one array, or one value a line (NDJSON)"
            )

    def read_element(self) -> str:
        """The element that begins here. Raises DamagedSource when none does."""
        while True:
            with suppress(ValueError, RecursionError):
                _, end = _JSON.raw_decode(self._buffer, self._position)
                return self._advance(end)
            if len(self._buffer) - self._position > MAX_LINE_BYTES or not self._read_chunk():
                raise self._damaged_source("here the array holds no JSON, or a value of over 1 MiB")

    def _skip_blank(self) -> None:
        while (end := _end_of_blank(self._buffer, self._position)) == len(self._buffer):
            self._advance(end)
            if not self._read_chunk():
                return
        self._advance(end)

    def _advance(self, end: int) -> str:
        text = self._buffer[self._position : end]
        self.line += text.count("\n")
        self._position = end
        return text

    def _read_chunk(self) -> bool:
        try:
            chunk = self._text.read(_CHUNK_BYTES)
        except UnicodeDecodeError:
            raise self._damaged_source("the file is not UTF-8") from None
        self._buffer, self._position = self._buffer[self._position :] + chunk, 0
        return bool(chunk)

    def _damaged_source(self, detail: str) -> DamagedSource:
        return DamagedSource(f"line {self.line}: {detail}")


def _end_of_blank(text: str, start: int) -> int:
    match = _BLANK.match(text, start)
    return match.end() if match else start
