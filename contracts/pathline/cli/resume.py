"""How far an import has come, on disk: no acknowledged record is sent again, and none is left out."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from pathline.cli.errors import CannotResume
from pathline.cli.summary import Counts


class Fingerprint(BaseModel):
    """What must be the same for an import to go on where it stopped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    modified_ns: int
    mapping: str
    to: str

    @classmethod
    def compute(cls, source: Path, mapping: str, to: str) -> Self:
        """Of the file as it is now, the mapping's digest and the gateway's address."""
        status = source.stat()
        return cls(size=status.st_size, modified_ns=status.st_mtime_ns, mapping=mapping, to=to)

    def differs_from(self, earlier: Fingerprint) -> str | None:
        """What is not as it was, in words; None when all is."""
        if (self.size, self.modified_ns) != (earlier.size, earlier.modified_ns):
            return "the file has changed since"
        if self.mapping != earlier.mapping:
            return "the mapping or the key is not the same"
        return "the gateway is another" if self.to != earlier.to else None


class Checkpoint(BaseModel):
    """Everything before `records` is acknowledged; `rejects` bytes of the rejects file belong to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: Fingerprint
    records: int = 0
    rejects: int = 0
    counts: Counts = Counts()


class StateFile:
    """The progress of one import, replaced as a whole so that a crash leaves the old or the new."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, fingerprint: Fingerprint) -> Checkpoint:
        """Nothing is acknowledged, and an earlier state is gone.

        Raises CannotResume rather than remove another file.
        """
        self._load()
        self.delete()
        return Checkpoint(fingerprint=fingerprint)

    def resume(self, fingerprint: Fingerprint) -> Checkpoint:
        """How far the run came that was stopped; the beginning, when none was.

        Raises CannotResume when it belongs to another file, mapping or gateway.
        """
        checkpoint = self._load()
        if checkpoint is None:
            return Checkpoint(fingerprint=fingerprint)
        if difference := fingerprint.differs_from(checkpoint.fingerprint):
            raise CannotResume(f"{self.path}: {difference}; {_RESTART_ADVICE}")
        return checkpoint

    def _load(self) -> Checkpoint | None:
        try:
            return Checkpoint.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise CannotResume(f"{self.path} is no state of an import; name another file with --state") from None
        except OSError as error:
            raise CannotResume(f"{self.path}: {error.strerror}; name another file with --state") from None

    def save(self, checkpoint: Checkpoint) -> None:
        """The checkpoint is on the disk. Raises CannotResume when it cannot be written."""
        partial = self.path.with_name(self.path.name + ".part")
        try:
            with partial.open("wb") as file:
                file.write(checkpoint.model_dump_json().encode())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        except OSError as error:
            raise CannotResume(f"{self.path}: {error.strerror}; name a file that can be written with --state") from None

    def delete(self) -> None:
        """No state is left."""
        for path in (self.path, self.path.with_name(self.path.name + ".part")):
            with suppress(FileNotFoundError):
                path.unlink()


_RESTART_ADVICE = "import it without --resume: ids are stable, so nothing is counted twice"
