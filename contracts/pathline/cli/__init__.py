"""The command line of an agency (`pathline[cli]`): `pathline init | check | publish | import`.

It runs on the agency's own machine. Pseudonyms are made here, and no raw identifier or key is ever sent or printed.
"""

from __future__ import annotations

import sys

_EXTRA = ("cyclopts", "rich", "httpx")


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    try:
        from pathline.cli.commands import run
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(f"pathline: {missing.name} is missing; install pathline[cli]", file=sys.stderr)
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))
