"""What an agency tells the operator to be put on the register. Nothing in it is secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pathline.cli.errors import WrongEntryFile, WrongMapping
from pathline.cli.flags import Sector
from pathline.errors import InvalidAttribute
from pathline.interaction import organisation_of


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """An organisation as the register knows it."""

    org: str
    name: str
    sector: Sector

    def __post_init__(self) -> None:
        try:
            organisation_of(f"urn:pathline:{self.org}:import")
        except InvalidAttribute:
            raise WrongMapping(
                "--org: write lower-case words joined by hyphens, at most 64 characters, such as food-bank"
            ) from None

    def write(self, path: Path) -> None:
        """The entry stands in a new file. Raises WrongEntryFile rather than overwrite anything."""
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(self.as_json() + "\n")
        except FileExistsError:
            raise WrongEntryFile(f"{path} exists and is left as it is; name another file with --entry") from None
        except OSError as error:
            raise WrongEntryFile(f"{path}: {error.strerror}; name another file with --entry") from None

    def as_json(self) -> str:
        """The entry as the operator takes it."""
        return json.dumps({"org": self.org, "name": self.name, "sector": self.sector}, ensure_ascii=False, indent=2)
