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
_WRONG_FILE_ADVICE = {
    b"PK\x03\x04": "is an Excel file or a ZIP archive; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel file; save the sheet as CSV",
    b"PAR1": "is a Parquet file; write it as CSV or NDJSON",
}
"""What people name by mistake, by its first four bytes, and what to do."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """`stream` yields what the file holds, unpacked when it is gzip; `size` is what it takes on disk, in bytes."""

    stream: BinaryIO
    size: int
    _raw: BinaryIO

    def position(self) -> int:
        """Bytes read from disk."""
        return self.size if self._raw.closed else self._raw.tell()


@contextmanager
def open_source(path: Path) -> Iterator[SourceFile]:
    """The file, open for one pass from its beginning. Raises DamagedSource when it cannot be read."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise DamagedSource(f"{path}: {error.strerror}; name a file that can be read") from None
    with raw:
        with translate_read_errors():
            start = raw.read(4)
        if advice := _WRONG_FILE_ADVICE.get(start):
            raise DamagedSource(f"{path}: {advice}")
        is_gzip = start.startswith(_GZIP_MAGIC)
        raw.seek(0)
        size = path.stat().st_size
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if is_gzip else raw
        yield SourceFile(stream, size, raw)


@contextmanager
def translate_read_errors() -> Iterator[None]:
    """Raises DamagedSource where the block cannot read or unpack a file any further."""
    try:
        yield
    except (EOFError, zlib.error, OSError) as error:
        raise DamagedSource(f"the file is cut short or damaged ({type(error).__name__}); fetch it again") from None
