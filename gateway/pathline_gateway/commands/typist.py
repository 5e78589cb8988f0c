"""Who types a command, as far as the machine knows."""

from __future__ import annotations

import getpass


def typist() -> str:
    """The name that is kept of what is done."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"
