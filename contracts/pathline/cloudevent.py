"""A CloudEvent as it travels: context attributes and JSON data, not yet held against a contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pathline.errors import InvalidAttribute, TooLarge, UnsupportedContentType

Attribute = str | int | bool
"""What the CloudEvents type system leaves of an attribute in JSON: text, integer or boolean."""

MAX_DATA_BYTES = 256 * 1024
"""Largest payload, in bytes: an interaction says what happened; documents are referred to by `dataref`."""

MAX_EVENT_BYTES = 1_000_000
"""Largest event as it travels, in bytes: the headers and value of a Kafka record, or one JSON object."""

MAX_ATTRIBUTES = 64
"""Most context attributes of one event."""

MAX_ATTRIBUTE_CHARACTERS = 2048
"""Longest context attribute, in characters."""

_NAME = re.compile(r"[a-z0-9]{1,64}", re.ASCII)
# Names that nearly every event has: the pattern need not be asked again.
_COMMON_NAMES = frozenset(
    (
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "recordedtime",
        "sequence",
        "datacontenttype",
        "traceparent",
    )
)
# CloudEvents 1.0.2, type system, String: no control characters, no surrogates, no noncharacters.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_JSON = re.compile(r"\s*(?:application|text)/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event of CloudEvents 1.0.2: attributes by name (without `data`), and the data as JSON bytes, or None."""

    attributes: Mapping[str, Attribute]
    data: bytes | None

    def __post_init__(self) -> None:
        if self.data is not None and len(self.data) > MAX_DATA_BYTES:
            raise TooLarge(f"the payload is over {MAX_DATA_BYTES} bytes; refer to documents with dataref", field="data")
        if len(self.attributes) > MAX_ATTRIBUTES:
            raise TooLarge(f"more than {MAX_ATTRIBUTES} context attributes")
        for name, value in self.attributes.items():
            if name not in _COMMON_NAMES and (name == "data" or printable_name(name) is None):
                raise InvalidAttribute(
                    "a context attribute's name must be lower-case letters and digits, at most 64, and not data"
                )
            if not _is_plain_text(value):
                check_value(name, value)

    @property
    def text(self) -> Mapping[str, str]:
        """Every attribute as text, as a protocol header carries it."""
        return {n: v if type(v) is str else attribute_text(v) for n, v in self.attributes.items()}


def _is_plain_text(value: Attribute) -> bool:
    """Whether nothing needs to be looked at closely: so is nearly every value."""
    return type(value) is str and len(value) <= MAX_ATTRIBUTE_CHARACTERS and value.isascii() and value.isprintable()


def printable_name(name: str) -> str | None:
    """The name of an attribute as an error may repeat it; None when it is no name, since anything may stand there."""
    return name if _NAME.fullmatch(name) else None


def check_value(name: str, value: object) -> None:
    """Raises InvalidAttribute unless this is text, a 32-bit integer or a boolean that CloudEvents allows."""
    if isinstance(value, str):
        check_text(name, value)
    elif not isinstance(value, int):
        raise InvalidAttribute("a context attribute is text, an integer or a boolean", field=printable_name(name))
    elif not -(2**31) <= value < 2**31:
        raise InvalidAttribute("an integer attribute must fit 32 bits; send it as text", field=name)


def check_text(name: str, value: str) -> None:
    """Raises InvalidAttribute where CloudEvents does not allow this text as an attribute."""
    if len(value) > MAX_ATTRIBUTE_CHARACTERS:
        raise InvalidAttribute(f"must be at most {MAX_ATTRIBUTE_CHARACTERS} characters", field=name)
    if not (value.isascii() and value.isprintable()) and _FORBIDDEN.search(value):
        raise InvalidAttribute("must not hold control characters or Unicode noncharacters", field=name)


def attribute_text(value: Attribute) -> str:
    """An attribute's canonical text (CloudEvents 1.0.2, type system)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def require_size(size: int) -> None:
    """Raises TooLarge when an event has more bytes than any may have, in whatever form it travels."""
    if size > MAX_EVENT_BYTES:
        raise TooLarge(f"the event is over {MAX_EVENT_BYTES} bytes; refer to documents with dataref")


def require_json(content_type: str | None) -> None:
    """Raises UnsupportedContentType unless the data's media type is JSON or unsaid, which means JSON."""
    if content_type is not None and content_type != "application/json" and _JSON.fullmatch(content_type) is None:
        raise UnsupportedContentType("the data must be JSON: send application/json", field="datacontenttype")
