"""The README, followed to the letter: its ten lines and its spreadsheet, in an empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateways.process import Gateway, running
from support.repository import ROOT

README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


@pytest.fixture
def desk(tmp_path: Path, gateway: Gateway) -> Path:
    command = re.search(r"`pathline (init [^`]+)`", README)
    assert command is not None
    subprocess.run([BIN / "pathline", *shlex.split(command[1])], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def with_own_address(text: str, gateway: Gateway) -> str:
    assert "http://127.0.0.1:8080" in text
    return text.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{gateway.port}")


def test_ten_lines_publish_an_event(gateway: Gateway, desk: Path) -> None:
    code, *_ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    statements = [line for line in code.splitlines() if not line.startswith(("from ", "import "))]
    assert len(statements) <= 10
    (printed,) = re.findall(r"It prints `([^`]+)`", README)
    before = gateway.settled()["interactions"]
    ran = subprocess.run(
        [sys.executable, "-c", with_own_address(code, gateway)], cwd=desk, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == printed, ran.stderr
    assert gateway.settled()["interactions"] == before + 1


def test_a_spreadsheet_is_enough(gateway: Gateway, desk: Path) -> None:
    (command,) = re.findall(r"^pathline (import .*)$", README, re.MULTILINE)
    (desk / "contacts.csv").write_text(
        "Client,What,When\n7,Parcel,2026-03-02 09:00\n8,Parcel,2026-03-02 10:00\n,Parcel,x\n"
    )
    before = gateway.settled()["interactions"]
    ran = subprocess.run(
        [BIN / "pathline", *shlex.split(with_own_address(command, gateway))],
        cwd=desk,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert gateway.settled()["interactions"] == before + 2
    assert "4" in (desk / "contacts.csv.rejects.csv").read_text()
