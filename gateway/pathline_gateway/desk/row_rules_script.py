"""`row_rules.js`, made from the rules for rows in Python: words, letters and limits that the desk's scripts go by.

python -m pathline_gateway.desk.row_rules_script --write
python -m pathline_gateway.desk.row_rules_script --check
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, get_args

from pathline.rows import days, headings, identifier, no_value, row_id, service_code
from pathline.vocabulary import ActivityRecorded
from pathline.vocabulary.codes import Channel

FILE: Final = Path(__file__).parents[1] / "web/static/desk/row_rules.js"
_HEAD: Final = """\
// Made from contracts/pathline/rows by `make schemas`: change it there.
"""


def _rules() -> dict[str, Any]:
    activity = ActivityRecorded.model_json_schema()["properties"]["activity"]
    return {
        "NOTHING": no_value.NOTHING,
        "UNCERTAIN": no_value.UNCERTAIN,
        "ROUNDED": no_value.ROUNDED,
        "IGNORABLE": _escape(identifier.IGNORABLE),
        "LETTERS": service_code.LETTERS,
        "MAX_CODE_CHARACTERS": service_code.MAX_CODE_CHARACTERS,
        "MAX_ACTIVITY_CHARACTERS": activity["maxLength"],
        "CHANNELS": get_args(Channel),
        "BIRTH": headings.BIRTH,
        "OLD_DAYS": days.OLD_DAYS,
        "PLACE_DIGITS": row_id.PLACE_DIGITS,
    }


def _escape(characters: str) -> str:
    """A character class for ECMA-262 with the u flag, in ASCII."""
    return "".join(c if c == "-" else f"\\u{{{ord(c):x}}}" for c in characters)


def render_script() -> str:
    """The text of the JavaScript module."""
    return _HEAD + "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in _rules().items())


def main(arguments: Sequence[str]) -> int:
    """0 when the committed script is the rendered one."""
    if "--write" in arguments:
        FILE.write_text(render_script(), "utf-8")
    if FILE.read_text("utf-8") != render_script():
        print(f"{FILE} is out of date: run `make schemas`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
