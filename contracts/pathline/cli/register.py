"""What an agency tells the operator to be put on the register. Nothing in it is secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from pathline.cli.errors import WrongMapping
from pathline.errors import InvalidAttribute
from pathline.interaction import organisation_of

Sector = Literal["government", "third-sector", "community-controlled", "business", "citizen"]


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

    def as_json(self) -> str:
        """The entry as the operator takes it."""
        return json.dumps({"org": self.org, "name": self.name, "sector": self.sector}, ensure_ascii=False, indent=2)
