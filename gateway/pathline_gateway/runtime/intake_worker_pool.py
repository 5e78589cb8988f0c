"""More intake processes for this gateway: started with it, started again when they die, and gone when it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pathline_gateway.runtime.child_processes import ChildProcess
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry.metrics_exchange import MetricsExchange

_STOP_TIMEOUT_S: Final = 15.0
"""Longest wait for the current batch; others read again what it had not stored."""


def sibling_workers(settings: Settings, metrics: MetricsExchange) -> Sequence[ChildProcess]:
    """Those that only consume: as many processes do as the settings say, each that serves among them."""
    return [
        ChildProcess(
            "intake",
            number,
            ("intake", "--until-eof", *metrics.flags(f"intake-{number}")),
            settings.to_environment(),
            _STOP_TIMEOUT_S,
        )
        for number in range(1, settings.intake_processes - settings.serve_processes + 1)
    ]
