"""How two pseudonyms can be found to be one person's. A module of its own, so that flags need no vocabulary."""

from typing import Literal

Method = Literal["record-key", "citizen-token", "handoff", "linker", "review"]
