"""Log lines: time, level, component, cause and message; one form for this package and for all libraries.

A line is text for people, or JSON where `PATHLINE_LOG_FORMAT=json` asks for it. What repeats is written once a minute.
No line holds a traceback, a second line of a message, or a pseudonym: an error's own text may be somebody's.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import Final, Literal, NamedTuple

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_PACKAGE: Final = "pathline_gateway"
_REPEAT_S: Final = 60.0
_MAX_TEMPLATES: Final = 1_000
"""Repeated lines are counted for so many different ones."""
_PSEUDONYM: Final = re.compile(r"\bv1\.[A-Za-z0-9_-]{22}")
_NO_CAUSE: Final = "unknown"
_TOLD_OTHERWISE: Final = ("aiokafka", "asyncpg")
"""Libraries that log an absent component again and again; `background.outage_log` logs it once."""
_NOT_ABOUT_AN_OUTAGE: Final = re.compile("authoriz|not a valid|fatal|in the clear", re.IGNORECASE)


class LogLine(NamedTuple):
    """One line."""

    time: str
    level: str
    component: str
    """The folder of this package, or the library."""
    cause: str
    message: str


def build_line(record: logging.LogRecord) -> LogLine:
    """The line of a record."""
    at = datetime.fromtimestamp(record.created, UTC)
    error = record.exc_info[1] if record.exc_info else None
    message = _one_line(_text_of(record))
    if error is not None and (place := _own_place(error.__traceback__)):
        message = f"{message} at {place}"
    return LogLine(
        f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        record.levelname,
        component_of(record.name),
        _one_line(str(getattr(record, "cause", ""))) or _cause_of(record, error),
        message,
    )


def _text_of(record: logging.LogRecord) -> str:
    """Its message; or its template, where the arguments do not fit: what a filter raises, the caller would meet."""
    try:
        return record.getMessage()
    except Exception:
        return str(record.msg)


def _one_line(text: str) -> str:
    """The first line of a text, without a pseudonym."""
    return _PSEUDONYM.sub("v1.…", (text.strip().splitlines() or [""])[0].strip())


def component_of(logger: str) -> str:
    """The part of this package, or the library, that a logger is of."""
    parts = logger.split(".")
    return parts[1] if parts[0] == _PACKAGE and len(parts) > 1 else parts[0]


def _cause_of(record: logging.LogRecord, error: BaseException | None) -> str:
    """What a library names as the cause: an error that it hands over."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    found = error or next((each for each in arguments if isinstance(each, BaseException)), None)
    return _NO_CAUSE if found is None else type(found).__name__


def _own_place(trace: TracebackType | None) -> str:
    """The innermost place in this package that an error came through."""
    own = [frame for frame in extract_tb(trace) if f"/{_PACKAGE}/" in frame.filename]
    return f"{own[-1].name} ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


class TextFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, component, message, and the cause unless the message says it."""
        line = build_line(record)
        cause = "" if line.cause == _NO_CAUSE or line.cause in line.message else f" ({line.cause})"
        return f"{line.time} {line.level} {line.component}: {line.message}{cause}"


class JsonFormatter(logging.Formatter):
    """A line for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object with the fields of `LogLine`."""
        return json.dumps(build_line(record)._asdict(), ensure_ascii=False)


class RepeatFilter(logging.Filter):
    """Lets the same line pass once a minute, with how many were left out since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int, str, str], tuple[float, int]] = {}
        """When a line was last written, and how many like it were left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written."""
        now = self._clock()
        is_own = record.name.split(".")[0] == _PACKAGE
        # What a library says of each of many nodes or partitions is one line.
        text = _text_of(record) if is_own else str(record.msg)
        key = (record.name, record.levelno, text, str(getattr(record, "cause", "")))
        at, left_out = self._seen.get(key, (-_REPEAT_S, 0))
        if now - at < _REPEAT_S:
            self._seen[key] = (at, left_out + 1)
            return False
        if len(self._seen) >= _MAX_TEMPLATES:
            self._seen = {each: known for each, known in list(self._seen.items()) if now - known[0] < _REPEAT_S}
            if len(self._seen) >= _MAX_TEMPLATES:
                self._seen.clear()
        self._seen[key] = (now, 0)
        if left_out:
            record.msg, record.args = f"{_text_of(record)} ({left_out} more like it)", ()
        return True


class OutageFilter(logging.Filter):
    """Leaves out what a library says of a component that is away: this package tells that once, and when it is over."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written."""
        if component_of(record.name) not in _TOLD_OTHERWISE or record.levelno >= logging.CRITICAL:
            return True
        if record.exc_info:  # an unexpected error is written, unless it is a broken connection
            return not isinstance(record.exc_info[1], OSError)
        return _NOT_ABOUT_AN_OUTAGE.search(_text_of(record)) is not None


def configure_logs(form: LogFormat = "text", level: LogLevel = "warning") -> None:
    """Every line that this process logs, and its libraries, goes to standard error in this form."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    if level in ("warning", "error"):
        handler.addFilter(OutageFilter())
    handler.addFilter(RepeatFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
