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
    while not window.ended():
        line = window.line
        yield line, window.element().encode()
        window.skip(",")


class _Window:
    """The part of the text that is in memory: from the element that is being read, a chunk at a time."""

    def __init__(self, text: codecs.StreamReader) -> None:
        self._text = text
        self._held = ""
        self._at = 0
        self.line = 1

    def skip(self, mark: str) -> None:
        """Moves past white space and this mark, once, if it stands here, to what follows."""
        self._blank()
        if self._held.startswith(mark, self._at):
            self._at += 1
            self._blank()

    def ended(self) -> bool:
        """Whether the array is closed here. Raises DamagedSource when the file ends before it is."""
        if self._at == len(self._held):
            raise self._damaged("the JSON array is not closed; the file is cut short")
        return self._held[self._at] == "]"

    def element(self) -> str:
        """The element that begins here. Raises DamagedSource when none does."""
        while True:
            with suppress(ValueError, RecursionError):
                _, end = _JSON.raw_decode(self._held, self._at)
                return self._advance(end)
            if len(self._held) - self._at > MAX_LINE_BYTES or not self._more():
                raise self._damaged("here the array holds no JSON, or a value of over 1 MiB")

    def _blank(self) -> None:
        while (end := _end_of_blank(self._held, self._at)) == len(self._held):
            self._advance(end)
            if not self._more():
                return
        self._advance(end)

    def _advance(self, end: int) -> str:
        passed = self._held[self._at : end]
        self.line += passed.count("\n")
        self._at = end
        return passed

    def _more(self) -> bool:
        try:
            chunk = self._text.read(_CHUNK_BYTES)
        except UnicodeDecodeError:
            raise self._damaged("the file is not UTF-8") from None
        self._held, self._at = self._held[self._at :] + chunk, 0
        return bool(chunk)

    def _damaged(self, what: str) -> DamagedSource:
        return DamagedSource(f"line {self.line}: {what}")


def _end_of_blank(text: str, start: int) -> int:
    match = _BLANK.match(text, start)
    return match.end() if match else start
