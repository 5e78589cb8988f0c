"""Which kind of file a source is: as it was said, as its name says, or as it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pathline.cli.sources.source_file import open_source, translate_read_errors

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
_SNIFF_BYTES: Final = 4096


def detect_format(path: Path) -> Format:
    """The format of the file, gzip or not; CSV where nothing says otherwise."""
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if by_suffix := _BY_SUFFIX.get(name.suffix.lower()):
        return by_suffix
    with open_source(path) as file, translate_read_errors():
        start = file.stream.read(_SNIFF_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    return _BY_FIRST_BYTE.get(start[:1], "csv")
