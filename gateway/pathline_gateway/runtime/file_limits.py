"""How many files and sockets a gateway may open: as many as the machine allows, beyond a shell's few."""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Final

_TARGET_OPEN_FILES: Final = 65_536


def raise_open_file_limit() -> None:
    """Listeners, requests to sinks and connections of callers each take one; the usual 1,024 are soon used up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _TARGET_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _TARGET_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < target:
        with suppress(ValueError, OSError):  # a kernel may have a limit of its own below the hard one
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
