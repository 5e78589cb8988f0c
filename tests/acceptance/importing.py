"""An agency that imports files with the command line, as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from pathline import Pseudonyms
from support.gateways.process import Gateway

PATHLINE = Path(sys.executable).with_name("pathline")


def init(folder: Path, org: str) -> Pseudonyms:
    """The organisation's key is in `<org>.key`."""
    subprocess.run(
        [PATHLINE, "init", "--org", org, "--key-file", f"{org}.key"], cwd=folder, check=True, capture_output=True
    )
    return Pseudonyms.from_text(org, (folder / f"{org}.key").read_text().strip())


def command(gateway: Gateway, file: str | Path, *flags: str) -> list[str]:
    """`pathline import` into this gateway."""
    to = ["--to", f"http://127.0.0.1:{gateway.port}", "--quiet", "--json"]
    return [str(PATHLINE), "import", str(file), *to, *flags]


def imported(folder: Path, argv: list[str]) -> dict[str, int]:
    """The summary of an import that ended well."""
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def killed(folder: Path, argv: list[str], gateway: Gateway, state: Path, *, at: int) -> None:
    """The import was ended without warning once `at` records were settled, and before all were."""
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        gateway.until(lambda: state.exists() and json.loads(state.read_text())["records"] >= at, f"{at} are settled")
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def linking(*sides: tuple[str, str]) -> list[str]:
    """The flags of a linking table: organisation and column, left and right."""
    named = zip(("left", "right"), sides, strict=True)
    flags = (
        [f"--{side}-org", org, f"--{side}", column, f"--{side}-key-file", f"{org}.key"] for side, (org, column) in named
    )
    return ["--links", "--org", "registry", *(word for group in flags for word in group)]
