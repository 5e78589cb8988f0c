"""Where things are in this repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TESTS: Final = ROOT / "tests"
"""The one folder that tests are imported from."""

LIVES: Final = sorted(place for place in (TESTS / "support/lives").iterdir() if place.is_dir())
"""A folder for each life: its events, its story, and what organisations then see."""

ROW_CASES: Final = TESTS / "contracts/rows/cases"
"""Inputs and right results for rules that stand in more than one language."""
