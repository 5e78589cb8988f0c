"""An agency at work: its key, its columns, small made-up files, and the command line run in this process or another."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from pathline import Pseudonyms
from pathline.cli.commands import run

ORG = "ward"
KEY = "cGF0aGxpbmUgdGVzdCBrZXkgb2YgdGhlIHdhcmQgLSBubyBzZWNyZXQ"
COLUMNS = ("Patient No", "What", "When", "Team")
CSV_FLAGS = (
    *("--org", ORG, "--system", "log", "--key-file", "key"),
    *("--case", "Patient No", "--activity", "What", "--time", "When", "--timezone", "UTC"),
)

Row = tuple[str, ...]


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


def pseudonyms() -> Pseudonyms:
    return Pseudonyms.from_text(ORG, KEY)


def pathline(*arguments: object) -> Ran:
    """The command line, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Ran(code, out.getvalue(), err.getvalue())


def started(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """The command line, in a process that can be killed."""
    command = [sys.executable, "-m", "pathline.cli", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows(cases: int, steps: int = 5) -> list[Row]:
    """A made-up log: every case goes through the same steps, with ties in time and names of all scripts."""
    what = ("Anmeldung", "Röntgen; links", 'called "home"', "二回目の面接", "closed,\nreally")
    return [
        (f"PAT-{case:05}-x", what[step % len(what)], f"2021/03/{1 + step:02} 09:00:00.000", f"Team {step % 2}")
        for case in range(cases)
        for step in range(steps)
    ]


def csv_text(rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS, delimiter: str = ";") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def xes_text(traces: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """A log in XES with what real ones have around the events: extensions, globals, classifiers, nested attributes."""
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<log xes.version="1.0" xmlns="http://www.xes-standard.org/">',
        '<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>',
        '<global scope="event"><string key="concept:name" value="UNKNOWN"/></global>',
        '<string key="concept:name" value="the log"/>',
    ]
    for case, events in traces.items():
        parts += ["<trace>", f'<string key="concept:name" value="{case}">', '<int key="nested" value="1"/></string>']
        for what, when in events:
            parts += [
                "<event>",
                f'<string key="concept:name" value="{what}"/>',
                f'<date key="time:timestamp" value="{when}"/>',
                '<string key="org:group" value="Group 1"><string key="concept:name" value="wrong"/></string>',
                "</event>",
            ]
        parts.append("</trace>")
    return "\n".join([*parts, "</log>"])
