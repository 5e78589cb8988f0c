"""Which kind of file a source is: as it was said, as its name says, or as it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pathline.cli.sources.opened import opened, readable

Format = Literal["csv", "ndjson", "xes"]

_BY_SUFFIX: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".xes": "xes",
}
_BY_FIRST_BYTE: Final[dict[bytes, Format]] = {b"<": "xes", b"{": "ndjson", b"[": "ndjson"}
_LOOK_BYTES: Final = 4096


def format_of(path: Path) -> Format:
    """The format of the file, gzip or not; CSV where nothing says otherwise."""
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if known := _BY_SUFFIX.get(name.suffix.lower()):
        return known
    with opened(path) as file, readable():
        start = file.stream.read(_LOOK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    return _BY_FIRST_BYTE.get(start[:1], "csv")
