"""Texts by which other tools write that there is no value. Pure."""

from __future__ import annotations

import re
from typing import Final, Literal

NOTHING: Final = (
    "null", "(null)", "<null>", "nan", "-nan", "+nan", "nat", "<na>", "none", "<none>", "(none)", "nil", "undefined",
    "n/a", "#n/a", "#na", "#n/a n/a", "-1.#ind", "1.#ind", "-1.#qnan", "1.#qnan", "#null!", "#ref!", "#value!",
    "#div/0!", "#name?", "#num!", "#spill!", "#calc!", "#error!", "#getting_data", "(blank)", "<blank>", "(empty)",
    "no data", "no value", "not applicable", "not available", "[object object]", "\\n",
)  # fmt: skip
"""What databases, spreadsheets and programming languages write where nothing is; in lower case."""
UNCERTAIN: Final = ("na", "n.a.", "n.a", "unknown", "not known", "missing", "blank", "empty", "inf", "-inf", "infinity")
"""What some write where nothing is, and what may be somebody's identifier all the same; in lower case."""
ROUNDED: Final = r"[+-]?[0-9][.,]?[0-9]*[Ee]\+[0-9]{1,3}"
"""A long number as a spreadsheet shows it, which has lost its last digits: 1.23457E+11."""

_ROUNDED = re.compile(ROUNDED, re.ASCII)

NoValue = Literal["nothing", "uncertain", "rounded"]


def classify_no_value(text: str) -> NoValue | None:
    """What kind of no value the text is; None where it is a value. Blank text is nothing."""
    plain = text.strip().lower()
    if plain in NOTHING or not any(map(str.isalnum, plain)):
        return "nothing"
    if _ROUNDED.fullmatch(text.strip()):
        return "rounded"
    return "uncertain" if plain in UNCERTAIN else None


def is_tool_word(text: str) -> bool:
    """Whether some tool, and not a person, wrote this for a field without a value."""
    return classify_no_value(text) == "nothing"
