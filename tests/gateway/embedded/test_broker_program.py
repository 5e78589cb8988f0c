"""The first start on a machine copies the broker's program into place: several at once do not meet it half made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_FINDS_AND_RUNS = """
import os, subprocess, sys, time
from pathline_gateway.embedded.broker import find_broker_program

delay_s, replace, chmod = float(sys.argv[1]), os.replace, os.chmod
os.replace = lambda *paths: (time.sleep(delay_s), replace(*paths))
os.chmod = lambda *arguments: (time.sleep(0.15), chmod(*arguments))
print("ready", flush=True)
sys.stdin.readline()
program = find_broker_program()
time.sleep(0.1)
sys.exit(subprocess.run([program, "--version"], stdout=subprocess.DEVNULL).returncode)
"""
"""Each is slow between putting the program there and making it executable, and at a time of its own."""


def test_whoever_finds_the_broker_s_program_may_execute_it(tmp_path: Path) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", _FINDS_AND_RUNS, str(n * 0.2)],
            env={**os.environ, "HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    for start in starts:
        assert start.stdout is not None
        assert start.stdout.readline() == "ready\n"
    for start in starts:
        assert start.stdin is not None
        start.stdin.write("\n")
        start.stdin.flush()
    errors = [start.communicate(timeout=60)[1] for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0, 0], errors
