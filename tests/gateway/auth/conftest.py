from __future__ import annotations

from support.gateways.desk_fixtures import gateway, worker

__all__ = ["gateway", "worker"]
