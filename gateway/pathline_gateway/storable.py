"""Text that Postgres keeps, as patterns for what is asked over HTTP."""

from typing import Final

STORABLE: Final = r"^[^\x00]*$"
"""Postgres keeps no text with a NUL in it."""
CODES: Final = r"^[a-z0-9-]*$"
"""What codes and reasons are written with."""
