"""`pathline check`: every refusal by line, field and reason, and nothing sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pathline.cli.record_reader import RecordReader
from pathline.cli.record_result import Ready, Reject
from pathline.cli.row_notices import RowNotices
from pathline.cli.sources.source_file import open_source


def check_file(file: Path, read: RecordReader, notices: RowNotices, *, as_json: bool) -> int:
    """1 when anything in the file is bad, else 0; both said on stdout."""
    good = bad = 0
    with open_source(file) as source:
        for outcome in read(source, 0):
            if isinstance(outcome, Ready):
                good += 1
                continue
            bad += 1
            print(_format_reject(outcome, as_json=as_json))
    if as_json:
        counts = {"read": good + bad, "good": good, "bad": bad}
        days = {} if notices.oldest is None else {"oldest": str(notices.oldest), "newest": str(notices.newest)}
        print(json.dumps(counts | days))
    else:
        shown_days = "" if notices.oldest is None else f", of {notices.oldest} to {notices.newest}"
        print(f"{file}: {good + bad:,} read, {good:,} good, {bad:,} bad{shown_days}")
    sys.stdout.flush()
    return 1 if bad else 0


def _format_reject(reject: Reject, *, as_json: bool) -> str:
    if as_json:
        values = {"line": reject.line, "reason": reject.reason, "field": reject.field, "detail": reject.detail}
        return json.dumps(values, ensure_ascii=False)
    location = f"line {reject.line}: " + (f"{reject.field}: " if reject.field else "")
    return f"{location}{reject.detail} [{reject.reason}]"
