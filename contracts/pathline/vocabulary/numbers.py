"""Numbers that every JSON reader holds exactly (I-JSON, RFC 7493)."""

from typing import Annotated, Final

from pydantic import Field

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Beyond it, JavaScript and every other reader of doubles silently rounds."""

Integer = Annotated[int, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
"""A whole number."""

Count = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
"""A whole number of things, of minutes, of places."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of one."""

Weight = Annotated[int, Field(ge=1, le=5)]
"""A burden from 1 (none) to 5 (very heavy)."""
