"""A source file that is open: its bytes, unpacked, and how far on disk the reader has come."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pathline.cli.errors import DamagedSource

_GZIP_MAGIC = b"\x1f\x8b"


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
        packed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        size = path.stat().st_size
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
        yield Opened(stream, size, raw)
