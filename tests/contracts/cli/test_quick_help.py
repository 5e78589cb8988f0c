"""`--help` and `--version` import nothing that only a command at work needs: they answer at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pydantic", "pathline.vocabulary", "fastapi", "uvicorn", "asyncpg", "aiokafka", "opentelemetry", "httpx")

_TELLS = """
import sys
from {module} import main
sys.argv = ["command", "{flag}"]
try:
    main()
finally:
    print("imported:", *(name for name in {heavy} if name in sys.modules))
"""


@pytest.mark.parametrize("flag", ["--help", "--version"])
@pytest.mark.parametrize("module", ["pathline.cli", "pathline_gateway.cli", "pathline_services.cli"])
def test_nothing_heavy_is_imported(module: str, flag: str) -> None:
    asked = [sys.executable, "-c", _TELLS.format(module=module, flag=flag, heavy=HEAVY)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert said[0], "it says something"
    assert said[-1].split() == ["imported:"]
