"""The command line of an agency (`pathline[cli]`): `pathline init | check | publish | import | rotate`.

It runs on the agency's own machine. Pseudonyms are made here, and no raw identifier or key is ever sent or printed.
"""

from __future__ import annotations

import os
import sys

_OPTIONAL_PACKAGES = ("cyclopts", "rich", "httpx")


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    try:
        from pathline.cli.commands import run

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough, as `| head` does; nothing is left to be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OPTIONAL_PACKAGES:
            raise
        print(f"pathline: {error.name} is missing; install pathline[cli]", file=sys.stderr)
        code = 2
    sys.exit(code)
