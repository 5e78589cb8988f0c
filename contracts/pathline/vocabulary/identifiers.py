"""Strings by which things are named, and strings that people wrote.

The patterns mean the same in ECMA-262, in Rust's regex and in Python's `re`: no shorthand classes, no look-around.
"""

from typing import Annotated

from pydantic import StringConstraints

from pathline.vocabulary.error_advice import WithAdvice

Code = Annotated[
    str,
    StringConstraints(max_length=64, pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$"),
    WithAdvice("code", "Write lower-case words with hyphens, at most 64 characters"),
]
"""A word of a code list that the publisher keeps."""

Identifier = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$"),
    WithAdvice("identifier", "Write 1 to 200 characters without control characters"),
]
"""An id that its organisation made."""

HandoffId = Annotated[
    str,
    StringConstraints(
        max_length=200,
        pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*:"
        r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$",
    ),
    WithAdvice("handoff_id", "Write the offering organisation's code, a colon and its own id without spaces"),
]
"""An id that is unique everywhere, because it begins with the organisation that made it."""

Subject = Annotated[
    str,
    StringConstraints(pattern=r"^v[1-9][0-9]{0,3}\.[A-Za-z0-9_-]{21}[AQgw]$"),
    WithAdvice("subject", "Derive the pseudonym with pathline: an epoch such as v1, a dot and 22 characters"),
]
"""A pseudonym: the epoch of the key, then 16 bytes in canonical base64url without padding."""

Token = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{22,200}$"),
    WithAdvice("token", "Write the token as it was handed over: 22 to 200 letters, digits, hyphens and underscores"),
]
"""A single-use secret."""

TokenHash = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{64}$"),
    WithAdvice("token_hash", "Write the SHA-256 of the token as 64 lower-case hexadecimal digits"),
]
"""What proves a token without telling it."""

EventType = Annotated[
    str,
    StringConstraints(max_length=130, pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*$"),
    WithAdvice("noun_verb", "Write a noun, a dot and a verb, such as service.delivered"),
]
"""What kind of interaction is meant, short of its namespace and version."""

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\u0000]*$"),
    WithAdvice("text", "Write 1 to 2,000 characters without the null character"),
]
"""What somebody wrote; U+0000 is refused because Postgres cannot hold it."""

ActivityName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\u0000]*$"),
    WithAdvice("activity", "Write 1 to 200 characters without the null character"),
]
"""The name of a step, as the log that knows no more gives it."""
