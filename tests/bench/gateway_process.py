"""The gateway as an operator starts it, for a broker and a Postgres that are there."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gateway_command(port: int, processes: int = 1, *, auth: bool = False) -> Sequence[str]:
    """`pathline-gateway up`, with so many processes that take in; on a free port where none is given."""
    program = Path(sys.executable).with_name("pathline-gateway")
    more = ("--intake-processes", str(processes), *(() if auth else ("--dev-auth", "off")))
    return (str(program), "up", "--port", str(port or free_port()), *more)


def gateway_environment(kafka: str, database: str, group: str) -> Mapping[str, str]:
    """What tells it where broker and Postgres are."""
    return {
        "PATHLINE_KAFKA": kafka,
        "PATHLINE_DATABASE": database,
        "PATHLINE_GROUP": group,
        "PATHLINE_SESSION_TIMEOUT_MS": "6000",
    }
