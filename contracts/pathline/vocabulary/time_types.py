"""When: instants, days and lengths of time, each in one spelling.

pydantic alone also reads numbers, days without a time and times without an offset. Here a pattern is checked first, in
Rust, and the string is parsed after that. So the JSON Schema and the model refuse the same strings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pathline import instant
from pathline.vocabulary.error_advice import WithAdvice

_DIGITS: Final = "[0-9]{1,9}"
_SECONDS: Final = rf"{_DIGITS}(?:\.{_DIGITS})?S"
_TIME: Final = rf"T(?:{_DIGITS}H(?:{_DIGITS}M)?(?:{_SECONDS})?|{_DIGITS}M(?:{_SECONDS})?|{_SECONDS})"
_DATE: Final = rf"(?:{_DIGITS}Y(?:{_DIGITS}M)?(?:{_DIGITS}D)?|{_DIGITS}M(?:{_DIGITS}D)?|{_DIGITS}D)"


def _instant_schema(strict: bool) -> CoreSchema:
    first, last = instant.BOUNDS
    parsed_schema = core_schema.datetime_schema(strict=strict, tz_constraint="aware", ge=first, le=last)
    return core_schema.no_info_after_validator_function(instant.clamp, parsed_schema)


def _day_schema(strict: bool) -> CoreSchema:
    return core_schema.date_schema(strict=strict)


@dataclass(frozen=True, slots=True)
class _PatternChecked:
    """A string of this spelling is parsed; in Python, a value that is already parsed passes."""

    pattern: str
    format: str
    value_schema: Callable[[bool], CoreSchema]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern_schema = core_schema.str_schema(pattern=self.pattern, strict=True)
        text = core_schema.chain_schema([pattern_schema, self.value_schema(False)])
        value = core_schema.union_schema([self.value_schema(True), text], mode="left_to_right")
        return core_schema.json_or_python_schema(json_schema=text, python_schema=value)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": self.format, "pattern": self.pattern}


Instant = Annotated[
    datetime,
    _PatternChecked(instant.RFC3339_PATTERN, "date-time", _instant_schema),
    WithAdvice(
        "instant",
        "Write an RFC 3339 instant with its offset, such as 2026-01-31T09:00:00+11:00, of the years 1 to 9999 in UTC",
    ),
]
"""RFC 3339 with an offset, which is kept: what `pathline.instant` takes. No minute has a 61st second.

Digits beyond the microsecond are dropped.
"""

Day = Annotated[
    date,
    _PatternChecked(rf"^{instant.DAY_PATTERN}$", "date", _day_schema),
    WithAdvice("date", "Write a date as YYYY-MM-DD, such as 2026-01-31"),
]
"""A day of the calendar."""

Duration = Annotated[
    str,
    StringConstraints(pattern=rf"^P(?:{_DIGITS}W|{_DATE}(?:{_TIME})?|{_TIME})$"),
    WithAdvice("duration", "Write an ISO 8601 duration, such as P10D or PT48H"),
]
"""An ISO 8601 duration of at least one component, kept as it was written: a month has no fixed length.

Whole numbers of up to nine digits; seconds may have a fraction.
"""
