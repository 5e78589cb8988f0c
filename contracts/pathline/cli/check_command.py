"""`pathline check`: every refusal by line, field and reason, and nothing sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pathline.cli.record_reader import Read
from pathline.cli.record_result import Ready, Reject
from pathline.cli.sources.opened import opened


def check_file(file: Path, read: Read, *, as_json: bool) -> int:
    """1 when anything in the file is bad, else 0; both said on stdout."""
    good = bad = 0
    with opened(file) as source:
        for outcome in read(source, 0):
            if isinstance(outcome, Ready):
                good += 1
                continue
            bad += 1
            print(_line(outcome, as_json=as_json))
    if as_json:
        print(json.dumps({"read": good + bad, "good": good, "bad": bad}))
    else:
        print(f"{file}: {good + bad:,} read, {good:,} good, {bad:,} bad")
    sys.stdout.flush()
    return 1 if bad else 0


def _line(reject: Reject, *, as_json: bool) -> str:
    if as_json:
        said = {"line": reject.line, "reason": reject.reason, "field": reject.field, "detail": reject.detail}
        return json.dumps(said, ensure_ascii=False)
    where = f"line {reject.line}: " + (f"{reject.field}: " if reject.field else "")
    return f"{where}{reject.detail} [{reject.reason}]"
