"""A gateway that a shell lets open few files lets itself open as many as the machine allows."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

_PROGRAM: Final = """
import resource, sys
from pathline_gateway.runtime.file_limits import raise_open_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
raise_open_file_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard", "then"), [(64, 512, 512), (512, 512, 512)])
def test_as_many_as_the_machine_allows(soft: int, hard: int, then: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(soft), str(hard)], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == [str(then), str(hard)]
