"""The operator's pages that axe reads, each with a path that shows something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PATHS: Final[Mapping[str, str]] = {
    "GET /console": "/console",
    "GET /console/handoffs": "/console/handoffs",
    "GET /console/handoffs/silent": "/console/handoffs/silent",
    "GET /console/handoffs/pair": "/console/handoffs/pair?from=housing&to=money-help",
    "GET /console/streams": "/console/streams",
    "GET /console/streams/{subscription}": "/console/streams/{subscription}",
    "GET /console/parked": "/console/parked",
    "GET /console/set-aside": "/console/set-aside",
    "GET /console/review": "/console/review",
    "GET /console/review/{item}": "/console/review/{item}",
    "GET /console/pathways/{pathway}": "/console/pathways/{pathway}",
    "GET /console/pathways/{pathway}/trace": "/console/pathways/{pathway}/trace",
}
"""By route: every page of the console is here. The test that opens them fills the parameters."""
