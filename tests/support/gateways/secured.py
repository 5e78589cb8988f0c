"""A gateway with auth on, and an issuer of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from pathline.testing import SUBJECT
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dev_issuer.issuer import load_issuer
from support.gateways.up_command import wait_until
from support.initialised_data import copy_initialised
from support.preloaded import CommandProcess, run_command

ID = "0195a000-0000-7000-8000-000000000000"
ORGS = {Role.PUBLISHER: "food-bank", Role.LINKER: "food-bank", Role.SUBSCRIBER: "food-bank"}


class Secured:
    """`up --embedded` as it is when nothing is said of auth."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self.data, self.out = folder / "data", folder / "out"
        if not self.data.exists():
            copy_initialised(self.data)
        self.out.touch()
        command: list[str | Path] = ["up", "--embedded", "--data", self.data, "--port", "0"]
        self.process = CommandProcess(command, {**os.environ, **environment}, self.out)
        try:
            wait_until(lambda: "ready http" in self.output() or self.process.poll() is not None, "ready", 120)
            assert self.process.poll() is None, self.output()
            found = re.search(r"ready (http://\S+)", self.output())
            assert found is not None
        except BaseException:  # nobody else ends what has not begun
            self.process.kill()
            raise
        self.url = found[1]
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def output(self) -> str:
        return self.out.read_text()

    def token(self, role: str, org: str | None = None, account: str = "ann") -> str:
        """As `pathline-gateway token` prints one, without a process for each."""
        return load_issuer(self.data).issue_token([Role(role)], org, account)

    def printed_token(self, role: str, org: str | None = None, account: str = "ann") -> str:
        """What the command prints."""
        more = ["--org", org] if org else []
        printed = run_command("token", role, "--data", self.data, "--account", account, *more)
        printed.check_returncode()
        return printed.stdout.strip()

    def ask(self, route: str, token: str | None = None, **more: Any) -> httpx.Response:
        method, path = route.split(" ")
        path = re.sub(r"\{\w+\}", "1" if "parked" in path else ID, path)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.http.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

    def publish(self, token: str | None, **attributes: Any) -> httpx.Response:
        event = {
            "specversion": "1.0",
            "id": "1",
            "source": "urn:pathline:food-bank:form",
            "type": "org.pathline.contact.made.v1",
            "subject": SUBJECT,
            "time": "2026-03-02T09:00:00Z",
            "data": {"kind": "enquiry"},
        } | attributes
        headers = {"content-type": "application/cloudevents+json"}
        return self.ask("POST /v1/events", token, content=json.dumps(event), headers=headers)


@contextmanager
def secured(folder: Path, **environment: str) -> Iterator[Secured]:
    """It runs as long as the block."""
    gateway = Secured(folder, environment)
    try:
        yield gateway
    finally:
        gateway.http.close()
        gateway.process.send_signal(signal.SIGTERM)
        try:
            gateway.process.wait(30)
        finally:
            if gateway.process.poll() is None:
                os.killpg(gateway.process.pid, signal.SIGKILL)
    shutil.rmtree(gateway.data)  # hundreds of them would fill the memory that tests write in
