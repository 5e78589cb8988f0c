"""XES (IEEE 1849), as records: an event's attributes by key, its trace's as `case:<key>`.

expat and not `iterparse`: it counts lines, builds nothing, and so needs no clearing.
"""

from __future__ import annotations

from typing import BinaryIO, Final
from xml.parsers import expat

from pathline.cli.errors import DamagedSource
from pathline.cli.sources.record import Record, Records, Unreadable
from pathline.errors import Malformed

CASE: Final = "case:concept:name"
ACTIVITY: Final = "concept:name"
TIME: Final = "time:timestamp"

_CHUNK_BYTES = 64 * 1024
_VALUE_TAGS = frozenset(("string", "date", "int", "float", "boolean", "id"))


def xes_records(stream: BinaryIO) -> Records:
    """One record an event, with the line of its opening tag.

    Raises DamagedSource where the file is no well-formed XML, and before any entity is expanded.
    """
    log = _Log()
    while chunk := stream.read(_CHUNK_BYTES):
        yield from log.feed(chunk, last=False)
    yield from log.feed(b"", last=True)


class _Log:
    """Where the parser stands in the log, and the events that the last chunk has closed."""

    def __init__(self) -> None:
        self._trace: dict[str, str] = {}
        self._event: dict[str, str] | None = None
        self._repeats = False
        self._trace_repeats = False
        self._line = 0
        self._path: list[str] = []
        self._completed: list[Record | Unreadable] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.EntityDeclHandler = self._refuse_entity

    def feed(self, chunk: bytes, *, last: bool) -> list[Record | Unreadable]:
        """The events that this chunk closes."""
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise DamagedSource(f"line {error.lineno}: the file is not well-formed XML ({what})") from None
        completed, self._completed = self._completed, []
        return completed

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._path and name != "log":
            raise DamagedSource(
                f"line {self._parser.CurrentLineNumber}: the file is XML and no XES: it begins without log"
            )
        if name == "trace" and self._path == ["log"]:
            self._trace, self._trace_repeats = {}, False
        elif name == "event" and self._path in (["log", "trace"], ["log"]):
            self._event, self._line, self._repeats = {}, self._parser.CurrentLineNumber, False
        elif name in _VALUE_TAGS and "key" in attributes:
            self._set_attribute(attributes["key"], attributes.get("value", ""))
        self._path.append(name)

    def _set_attribute(self, key: str, value: str) -> None:
        """Takes a direct attribute of the event or the trace; nested ones say something about an attribute."""
        if self._event is not None and self._path[-1] == "event":
            self._repeats |= key in self._event
            self._event[key] = value
        elif self._path == ["log", "trace"]:
            self._trace_repeats |= f"case:{key}" in self._trace
            self._trace[f"case:{key}"] = value

    def _end(self, _: str) -> None:
        name = self._path.pop()
        if name == "trace" and self._path == ["log"]:
            self._trace = {}
        elif name == "event" and self._event is not None and self._path[-1:] != ["event"]:
            self._completed.append(
                Unreadable(self._line, Malformed("names an attribute twice, and only one of the two would count"))
                if self._repeats or self._trace_repeats
                else Record(self._line, {**self._trace, **self._event})
            )
            self._event = None

    def _refuse_entity(self, *_: object) -> None:
        raise DamagedSource(f"line {self._parser.CurrentLineNumber}: the file declares XML entities; a log needs none")
