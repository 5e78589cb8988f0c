"""An agency's own identifier of a person, as every reader of it takes it. Pure; no message repeats it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import ClassVar, Final
from urllib.parse import quote

from pathline.rows.no_value import classify_no_value

IGNORABLE: Final = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
"""Characters that nobody sees, beside those of Unicode's category Cf; the inside of a character class."""
_IGNORABLE = re.compile(f"[{IGNORABLE}]")
_UNSEEN_CATEGORIES: Final = frozenset(("Cf", "Cc", "Zl", "Zp"))
_SEPARATOR: Final = "/"
_UNQUOTED: Final = " :+@!$&'()*,;="
_NAME = re.compile(r"[^\W\d_]+(?:[.'’-][^\W\d_]+)*\.?")


class WrongIdentifier(ValueError):
    """The text names nobody, or would be two people to different readers."""

    kind: ClassVar[str] = "identifier"


class BlankIdentifier(WrongIdentifier):
    """There is no text."""

    kind = "blank"


class UnseenCharacter(WrongIdentifier):
    """The text holds a character that nobody sees, so that it looks like another."""

    kind = "unseen"


class NoValueIdentifier(WrongIdentifier):
    """The text is how some tool writes that there is no value."""

    kind = "nothing"


class UncertainIdentifier(WrongIdentifier):
    """The text may mean that there is no value, and may be an identifier: somebody has to say."""

    kind = "uncertain"


class RoundedIdentifier(WrongIdentifier):
    """The text is a number whose last digits a spreadsheet has thrown away."""

    kind = "rounded"


_BLANK = "the identifier is blank: every interaction needs the person it is about"
_UNSEEN = (
    "the identifier holds a character that cannot be seen, or a space other than the plain one. "
    "Two that look alike would be two people: write it without"
)
_NO_VALUE = "the identifier is how a tool writes that there is none: every interaction needs the person it is about"
_UNCERTAIN = "the identifier may mean that there is none: say whether it is somebody's"
_ROUNDED = (
    "the identifier is a long number that a spreadsheet has rounded, so that it is several people's. "
    "Format the column as text and export it again"
)


def canonical_identifier(text: str, *, confirmed: bool = False) -> str:
    """The identifier without surrounding white space, in Unicode NFC. Raises WrongIdentifier.

    `confirmed`: somebody has said that this text is an identifier, although it looks like no value.
    """
    canonical = unicodedata.normalize("NFC", text.strip())
    if not canonical:
        raise BlankIdentifier(_BLANK)
    if not (canonical.isascii() and canonical.isprintable()) and _holds_unseen(canonical):
        raise UnseenCharacter(_UNSEEN)
    if not confirmed:
        match classify_no_value(canonical):
            case "nothing":
                raise NoValueIdentifier(_NO_VALUE)
            case "rounded":
                raise RoundedIdentifier(_ROUNDED)
            case "uncertain":
                raise UncertainIdentifier(_UNCERTAIN)
            case None:
                pass
    return canonical


def _holds_unseen(text: str) -> bool:
    return _IGNORABLE.search(text) is not None or any(
        unicodedata.category(character) in _UNSEEN_CATEGORIES or (character.isspace() and character != " ")
        for character in text
    )


def join_identifier(parts: Iterable[str]) -> str:
    """Several columns as one identifier; different columns never give the same text."""
    texts = [part.strip() for part in parts]
    if len(texts) == 1:
        return texts[0]
    return _SEPARATOR.join(quote(text, safe=_UNQUOTED) for text in texts)


def looks_like_name(text: str) -> bool:
    """Whether this may be a person's name, which another person may have as well."""
    words = text.replace(",", " ").split()
    return any(map(str.islower, text)) and text[:1].isupper() and all(_NAME.fullmatch(word) for word in words)
