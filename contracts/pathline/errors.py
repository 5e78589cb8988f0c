"""Why an event is refused: one class a cause, each with a stable `reason`.

The same word is the problem type over HTTP, the reason of a parked row, the metric label and the log field.
Messages say what is wrong and what to do; they never repeat the value, which may be personal.
"""

from __future__ import annotations

from typing import ClassVar


class PathlineError(Exception):
    """Something that Pathline can name went wrong."""

    reason: ClassVar[str] = "error"


class Refused(PathlineError):
    """An event that cannot be accepted as it is; sending it again unchanged will not help."""

    reason: ClassVar[str] = "refused"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        """`field` is a path such as `data.activity`; `detail` says what is wrong and what to do."""
        self.detail = detail
        self.field = field
        super().__init__(f"{field}: {detail}" if field else detail)


class Malformed(Refused):
    """The bytes are not a CloudEvent."""

    reason = "malformed"


class TooLarge(Refused):
    """The event is larger than an interaction may be."""

    reason = "too-large"


class UnsupportedContentType(Refused):
    """The data is in a format that no contract describes."""

    reason = "unsupported-content-type"


class MissingAttribute(Refused):
    """A required context attribute is absent."""

    reason = "missing-attribute"


class InvalidAttribute(Refused):
    """A context attribute has a value or a name that the contract does not allow."""

    reason = "invalid-attribute"


class PersonalNumber(Refused):
    """A context attribute looks like a tax file, Medicare or similar personal number."""

    reason = "personal-number"


class UnknownType(Refused):
    """No contract is registered for this event type."""

    reason = "unknown-type"


class InvalidData(Refused):
    """The payload breaks the contract of its type."""

    reason = "invalid-data"
