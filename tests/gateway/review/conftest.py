from __future__ import annotations

from support.gateways.in_process_fixtures import client, kafka, strict

__all__ = ["client", "kafka", "strict"]
