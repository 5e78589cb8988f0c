"""What the headings of a table say of its columns. Pure."""

from __future__ import annotations

import re
from typing import Final

BIRTH: Final = (
    r"(?:^|[^a-z])(?:dob|d\.o\.b\.?)(?:$|[^a-z])|birth|born|geburt|geboren|geboorte|naissance|nacimiento|nascimento"
    r"|nascita"
)
"""Headings of days on which somebody was born; alike in Python and ECMA-262."""
_BIRTH = re.compile(BIRTH, re.ASCII | re.IGNORECASE)


def is_birth_date(heading: str) -> bool:
    """Whether the column says when somebody was born, which is never when something happened."""
    return _BIRTH.search(heading) is not None
