"""Numbers that identify a person and must never stand in a context attribute.

An attribute is refused when the whole of it, without separators and a short label, is such a number. Check digits keep
the rule from refusing ordinary counters. One random nine-digit counter in eleven still passes for a tax file number. So
the error tells the publisher to prefix its ids.

Sources: Australian Taxation Office, TFN check digit. Services Australia, Medicare card number and customer reference
number. Australian Digital Health Agency, individual healthcare identifier (ISO/IEC 7812, Luhn).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_LABELS = r"(?:tfn|crn|ihi|ssn|nino|medicare|tax[ _-]?file)(?:[ _-]?(?:card|number|no\.?))*[ :#=_-]*"
_LABEL = re.compile(f"^{_LABELS}", re.IGNORECASE)
_SEPARATOR = r"[\s._\-/()#\u2010-\u2015]"
_SEPARATORS = re.compile(_SEPARATOR)
# What every number below has: digits and separators, at most two letters before and one after them. Nearly every id is
# told from all of them by this alone, and each event is asked.
_CANDIDATE = re.compile(
    rf"\s*(?:{_LABELS})?{_SEPARATOR}*(?:[a-z]{_SEPARATOR}*){{0,2}}[0-9](?:[0-9]|{_SEPARATOR})*[a-z]?{_SEPARATOR}*",
    re.IGNORECASE,
)
_TFN_WEIGHTS = (1, 4, 3, 7, 5, 8, 6, 9, 10)
_MEDICARE_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9)


def _weighted_sum(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def _is_tax_file_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{9}", text) is not None and _weighted_sum(text, _TFN_WEIGHTS) % 11 == 0


def _is_medicare_number(text: str) -> bool:
    return re.fullmatch(r"[2-6][0-9]{9,10}", text) is not None and _weighted_sum(text, _MEDICARE_WEIGHTS) % 10 == int(
        text[8]
    )


def _is_customer_reference_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{9}[A-Za-z]", text) is not None


def _is_healthcare_identifier(text: str) -> bool:
    if re.fullmatch(r"800360[0-9]{10}", text) is None:
        return False
    doubled = (int(d) * (2 - i % 2) for i, d in enumerate(text))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _is_national_insurance_number(text: str) -> bool:
    return re.fullmatch(r"[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z]{2}[0-9]{6}[A-Da-d]", text) is not None


_RECOGNIZERS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("a tax file number", _is_tax_file_number),
    ("a Medicare number", _is_medicare_number),
    ("a customer reference number", _is_customer_reference_number),
    ("a healthcare identifier", _is_healthcare_identifier),
    ("a national insurance number", _is_national_insurance_number),
)
_SOCIAL_SECURITY = re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", re.ASCII)
_GROUPED_DIGITS = re.compile(r"[0-9]{3}[ .][0-9]{3}[ .][0-9]{3}|[0-9]{4}[ .][0-9]{5}[ .][0-9]", re.ASCII)


def classify_number(text: str) -> str | None:
    """What personal number `text` looks like, such as "a tax file number"; None when it looks like none."""
    # Full-width digits and no-break spaces are digits and spaces to whoever reads them.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if len(text) > 40 or _CANDIDATE.fullmatch(plain) is None:
        return None
    unlabelled = _LABEL.sub("", plain.strip())
    if _SOCIAL_SECURITY.fullmatch(unlabelled):
        return "a social security number"
    if _GROUPED_DIGITS.fullmatch(unlabelled):
        return "a personal number"
    compact = _SEPARATORS.sub("", unlabelled)
    return next((name for name, matches in _RECOGNIZERS if matches(compact)), None)
