"""A source file that is open: its bytes, unpacked, and how far on disk the reader has come."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pathline.cli.errors import DamagedSource

_GZIP_MAGIC = b"\x1f\x8b"
_NO_TEXT = {
    b"PK\x03\x04": "is an Excel file or a ZIP archive; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel file; save the sheet as CSV",
    b"PAR1": "is a Parquet file; write it as CSV or NDJSON",
}
"""What people name by mistake, by its first four bytes, and what to do."""


@dataclass(frozen=True, slots=True)
class Opened:
    """`stream` yields what the file holds, unpacked when it is gzip; `size` is what it takes on disk, in bytes."""

    stream: BinaryIO
    size: int
    _raw: BinaryIO

    def position(self) -> int:
        """Bytes read from disk."""
        return self.size if self._raw.closed else self._raw.tell()


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The file, open for one pass from its beginning. Raises DamagedSource when it cannot be read."""
    try:
        raw = path.open("rb")
    except OSError as wrong:
        raise DamagedSource(f"{path}: {wrong.strerror}; name a file that can be read") from None
    with raw:
        with readable():
            start = raw.read(4)
        if what := _NO_TEXT.get(start):
            raise DamagedSource(f"{path}: {what}")
        packed = start.startswith(_GZIP_MAGIC)
        raw.seek(0)
        size = path.stat().st_size
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
        yield Opened(stream, size, raw)


@contextmanager
def readable() -> Iterator[None]:
    """Raises DamagedSource where the block cannot read or unpack a file any further."""
    try:
        yield
    except (EOFError, zlib.error, OSError) as wrong:
        raise DamagedSource(f"the file is cut short or damaged ({type(wrong).__name__}); fetch it again") from None
