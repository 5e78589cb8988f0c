from __future__ import annotations

from support.gateways.failing_loops_fixtures import client, loops

__all__ = ["client", "loops"]
