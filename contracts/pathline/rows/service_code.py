"""A service or channel as people write it, made a code of lower-case words with hyphens. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_CODE_CHARACTERS: Final = 64
"""Longest code that a contract takes."""
LETTERS: Final = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i", "ŋ": "n",
    "ŧ": "t", "ĸ": "k",
}  # fmt: skip
"""Latin letters that Unicode does not take apart, and what a code keeps of them."""

_LETTERS = str.maketrans(LETTERS)
_NOT_A_CODE = re.compile(r"[^a-z0-9]+")


def make_code(text: str) -> str:
    """The text as a code: `Whānau café` is `whanau-cafe`. Empty where a letter or all of it cannot be kept.

    A letter of another script is never dropped: what is left could be the code of something else.
    """
    taken_apart = unicodedata.normalize("NFKD", text).lower()
    plain = "".join(c for c in taken_apart if not unicodedata.category(c).startswith("M")).translate(_LETTERS)
    if not plain.isascii() and any(c.isalnum() for c in plain if not c.isascii()):
        return ""
    code = _NOT_A_CODE.sub("-", plain).strip("-")
    return code if len(code) <= MAX_CODE_CHARACTERS else ""
