"""The project's commands in processes of their own, forked from one that has imported the code already.

A gateway imports two thousand modules: two seconds of a processor, of which a run of tests has four hundred starts. The
standard library's fork server imports them once for each worker. What runs is the same entry point, with arguments,
environment, output and signals of its own.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import pathline_gateway


def _modules() -> list[str]:
    """Every module of the gateway, by its file: no package has to be imported here."""
    root = Path(pathline_gateway.__file__).parents[1]
    files = sorted(root.joinpath("pathline_gateway").rglob("[!_]*.py"))
    return [".".join(file.relative_to(root).with_suffix("").parts) for file in files]


IMPORTED_LATE = (
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
)
"""What a gateway imports only when it runs."""

_context = get_context("forkserver")
_context.set_forkserver_preload([*_modules(), *IMPORTED_LATE])


class CommandProcess:
    """One command that runs. The part of `subprocess.Popen` that tests use, and it means the same."""

    def __init__(
        self, argv: Sequence[str | Path], env: Mapping[str, str], stdout: Path, stderr: Path | None = None
    ) -> None:
        """Appends to `stdout`, and to `stderr`, or both to the first. It leads a session of its own."""
        self.args = [str(each) for each in argv]
        files = [str(each) for each in (stdout, stderr or stdout)]
        self._process = _context.Process(target=_run, args=(self.args, dict(env), os.getcwd(), *files), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def run_command(
    *argv: str | Path, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """`pathline-gateway` with these arguments, to its end."""
    with TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = CommandProcess(argv, {**os.environ, **(env or {})}, out, err)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(process.args, code, out.read_text(), err.read_text())


def _run(argv: list[str], env: dict[str, str], cwd: str, stdout: str, stderr: str) -> NoReturn:
    """In the new process: as if it had been executed."""
    gc.freeze()  # what is imported stays shared
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    for descriptor, path in ((1, stdout), (2, stderr)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - it is the process's own
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["pathline-gateway", *argv]
    from pathline_gateway.cli import main

    main()
    sys.exit(0)
