from __future__ import annotations

from support.browser import browser
from support.gateways.desk_fixtures import gateway, worker

__all__ = ["browser", "gateway", "worker"]
