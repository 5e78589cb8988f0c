"""What a command prints at its end: its result on stdout, or an error on stderr and an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Final, NoReturn

EXIT_NOT_LOOKED: Final = 2
"""Exit code of `verify` and `rebuild` where they could not do their work: 1 says that they did, and found something."""


def exit_with_error(reason: str, code: int = 1) -> NoReturn:
    """The process ends with this code, and says why in one line."""
    print(f"pathline-gateway: {reason}", file=sys.stderr)
    sys.exit(code)


def print_result(lines: list[str], document: Mapping[str, object], as_json: bool) -> None:
    """The lines for a person, or the document for a program."""
    print(json.dumps(document) if as_json else "\n".join(lines))
