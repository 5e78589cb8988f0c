from __future__ import annotations

from trust.conftest import rig

__all__ = ["rig"]
