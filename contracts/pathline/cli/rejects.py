"""The file of records that are refused or in conflict: their lines, why, and nothing of what stood there."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pathline.cli.errors import WrongMapping
from pathline.cli.record_result import Reject

_COLUMNS: Final = ("line", "reason", "field", "detail")
_HEADER: Final = (",".join(_COLUMNS) + "\n").encode()


class RejectsFile:
    """Written with the first of these records, and not before; grows with each settled batch."""

    def __init__(self, path: Path, *, keep_bytes: int = 0) -> None:
        """Takes up a file of an earlier run at `keep_bytes` bytes; what stands beyond was not settled and comes again.

        Raises WrongMapping rather than replace a file that is no rejects file.
        """
        self.path = path
        self.size = keep_bytes
        with _translate_errors(path), suppress(FileNotFoundError):
            with path.open("rb") as existing:
                if existing.read(len(_HEADER)) not in (_HEADER, b""):
                    raise WrongMapping(f"{path} is no rejects file; name another with --rejects")
            if keep_bytes:
                os.truncate(path, keep_bytes)
            else:
                path.unlink()

    def write(self, rejects: Iterable[Reject]) -> None:
        """The refusals stand in the file, on the disk. Raises WrongMapping when it cannot be written."""
        text = io.StringIO()
        rows = [(reject.line, reject.reason, reject.field or "", reject.detail) for reject in rejects]
        if not rows:
            return
        csv.writer(text, lineterminator="\n").writerows(rows)
        with _translate_errors(self.path), self.path.open("ab") as file:
            file.write((b"" if self.size else _HEADER) + text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WrongMapping(f"{path}: {error.strerror}; name another file with --rejects") from None
