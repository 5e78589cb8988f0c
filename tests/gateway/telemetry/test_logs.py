"""Every log line says when, how serious, which part and why: ours and those of libraries, as text or as JSON."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

import pathline_gateway
from pathline_gateway.log_cause import because
from pathline_gateway.runtime import serve
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry.logs import (
    JsonFormatter,
    LogLine,
    OutageFilter,
    RepeatFilter,
    TextFormatter,
    configure_logs,
)

_ROOT = Path(pathline_gateway.__file__).parent
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_SUBJECT = "v1.AAAAAAAAAAAAAAAAAAAAAA"
_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) [a-z_.0-9]+: .+")


def _record(
    name: str, message: str, *args: object, level: int = logging.ERROR, extra: Mapping[str, str] | None = None
) -> logging.LogRecord:
    return logging.getLogger(name).makeRecord(name, level, "file.py", 1, message, args, None, extra=extra)


def _json(record: logging.LogRecord) -> dict[str, str]:
    return dict(json.loads(JsonFormatter().format(record)))


def _raised() -> logging.LogRecord:
    try:
        raise ValueError(f"client {_SUBJECT}")
    except ValueError:
        return logging.getLogger("asyncio").makeRecord(
            "asyncio",
            logging.ERROR,
            "file.py",
            1,
            "Task exception was never retrieved\nfuture: client 7",
            (),
            sys.exc_info(),
        )


def test_a_line_of_ours_has_all_fields_and_reads_as_one_sentence() -> None:
    record = _record("pathline_gateway.intake.service", "the consumer is replaced", extra=because("stalled"))
    line = _json(record)
    assert line.keys() == set(LogLine._fields)
    assert {**line, "time": ""} == {
        "time": "",
        "level": "ERROR",
        "component": "intake",
        "cause": "stalled",
        "message": "the consumer is replaced",
    }
    assert TextFormatter().format(record).endswith("Z ERROR intake: the consumer is replaced (stalled)")


def test_a_line_of_a_library_has_the_same_form_and_neither_traceback_nor_value() -> None:
    record = _raised()
    assert _json(record) == {
        **_json(record),
        "component": "asyncio",
        "cause": "ValueError",
        "message": "Task exception was never retrieved",
    }
    assert "client" not in TextFormatter().format(record)


@given(
    st.text(),
    st.text(max_size=20),
    st.sampled_from(["uvicorn.error", "aiokafka.conn", "pathline_gateway.x.y", "", "."]),
)
def test_whatever_is_logged_is_one_line_with_every_field(message: str, cause: str, name: str) -> None:
    record = _record(name, "%s", f"{message} {_SUBJECT}", extra={"cause": cause})
    text = JsonFormatter().format(record)
    line = json.loads(text)
    assert len(text.splitlines()) == 1 or not text.isascii()
    assert line.keys() == set(LogLine._fields)
    assert all(isinstance(value, str) for value in line.values())
    assert line["time"]
    assert line["cause"]
    assert _SUBJECT not in text
    assert "\n" not in TextFormatter().format(record)


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(_ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _LEVELS
                and getattr(node.func.value, "id", "") in ("_log", "logger")
            ):
                yield f"{file.relative_to(_ROOT)}:{node.lineno}", node


def test_each_of_our_lines_says_its_cause_and_holds_no_traceback() -> None:
    calls = list(_log_calls())
    assert len(calls) > 30
    for place, call in calls:
        keywords = {each.arg for each in call.keywords}
        assert keywords == {"extra"}, f"{place}: a line has a cause, and nothing that an error says"
        assert isinstance(call.func, ast.Attribute)
        assert call.func.attr != "exception", place


def test_nobody_prints_to_standard_error_what_is_a_log_line() -> None:
    """Commands print for who calls them; what runs for long logs."""
    found = {
        file.relative_to(_ROOT).as_posix()
        for file in _ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "stderr" and getattr(node.value, "id", "") == "sys"
    }
    found = {file for file in found if not file.startswith("commands/")}
    writers = {"limits/document.py", "visibility/authority_document.py", "desk/row_rules_script.py"}
    assert found <= {"cli.py", *writers}, "what writes a document tells who runs it"


def test_what_repeats_is_written_once_a_minute_and_says_how_often() -> None:
    at = [0.0]
    repeats = RepeatFilter(lambda: at[0])
    written = []
    for second in range(121):
        at[0] = float(second)
        record = _record(
            "pathline_gateway.auth.middleware", "a token was refused: %s", "expired", extra=because("expired")
        )
        other = _record("opentelemetry.exporter", "Failed to export span batch: %s", second)
        written += [each.getMessage() for each in (record, other) if repeats.filter(each)]
    assert written == [
        "a token was refused: expired",
        "Failed to export span batch: 0",
        "a token was refused: expired (59 more like it)",
        "Failed to export span batch: 60 (59 more like it)",
        "a token was refused: expired (59 more like it)",
        "Failed to export span batch: 120 (59 more like it)",
    ]


@pytest.mark.parametrize(
    ("message", "is_written"),
    [
        ("Unable connect to node with id %s: %s", False),
        ("Heartbeat failed for group %s: %s", False),
        ("Topic %s is not authorized for this client: %s", True),
        ("Attempt to join group failed due to fatal error: %s %s", True),
    ],
)
def test_of_aiokafka_only_what_is_no_outage_is_written(message: str, is_written: bool) -> None:
    record = _record("aiokafka.client", message, "1", OSError("10.0.0.1"))
    assert OutageFilter().filter(record) is is_written
    assert OutageFilter().filter(_record("uvicorn.error", message, "1", "2"))


def test_settings_choose_the_form_and_nothing_else_is_taken() -> None:
    assert (Settings().log_format, Settings().log_level) == ("text", "warning")
    assert Settings(log_format="json").to_environment()["PATHLINE_LOG_FORMAT"] == "json"
    with pytest.raises(ValueError, match="log_format"):
        Settings(log_format="xml")  # type: ignore[arg-type]


def test_uvicorn_leaves_the_form_to_us(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    level, stream = root.level, io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    for name in ("uvicorn", "uvicorn.error"):  # other tests run uvicorn as it is by itself
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    try:
        configure_logs("json")
        config = serve._build_uvicorn_config(lambda: None, Settings())  # type: ignore[arg-type]
        assert isinstance(config, uvicorn.Config)
        logging.getLogger("uvicorn.error").error("Invalid HTTP request received.")
        logging.getLogger("uvicorn.error").info("not this")
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["component"] == "uvicorn"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_process_of_its_own_writes_every_line_in_its_form(form: str) -> None:
    code = (
        "import logging, warnings, sys\n"
        "from pathline_gateway.telemetry.logs import configure_logs\n"
        f"configure_logs({form!r})\n"
        "logging.getLogger('uvicorn.error').error('first\\nsecond')\n"
        "logging.getLogger('aiokafka.conn').warning('Unable to connect')\n"
        "logging.getLogger('pathline_gateway.background.health').error('x fails', extra={'cause': 'why'})\n"
        "warnings.warn('old')\n"
        "print('ready http://127.0.0.1:1')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "ready http://127.0.0.1:1\n"
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert json.loads(line).keys() == set(LogLine._fields) if form == "json" else _TEXT.fullmatch(line), line


def test_a_library_whose_arguments_do_not_fit_meets_no_error_and_its_line_is_there() -> None:
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(TextFormatter())
    handler.addFilter(OutageFilter())
    handler.addFilter(RepeatFilter())
    logger = logging.getLogger("aiokafka.odd")
    logger.propagate = False  # a handler of pytest's own raises on such a line
    logger.setLevel(logging.WARNING)  # whatever another test has set above it
    logger.addHandler(handler)
    try:
        logger.warning("fatal: %d of %d", "one")
        logger.warning("\nfatal: begins with an empty line")
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    first, second = stream.getvalue().splitlines()
    assert "fatal: %d of %d" in first
    assert "fatal: begins with an empty line" in second
