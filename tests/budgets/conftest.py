from __future__ import annotations

from trust.conftest import machine, rig

__all__ = ["machine", "rig"]
