"""Pictures of the pages for the documentation: a demonstration is started, told for a while, and photographed.

`make screenshots` writes them to docs/images; `make screenshots AT=http://127.0.0.1:8080` takes them of one that runs.
The people are invented.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx
from playwright.sync_api import Page, sync_playwright

from support.gateways.up_command import Up, wait_until
from support.repository import ROOT

CHROMIUM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
IMAGES: Final = ROOT / "docs/images"
WIDTH: Final = 1100
HEIGHT: Final = 760
MOST_BYTES: Final = 150_000
TOLD: Final = 5_000
"""Interactions of the demonstration after which there is something on every page."""
PATIENCE_S: Final = 600
DESK: Final = "money-help"


def main(at: str | None) -> int:
    """Takes all pictures; 1 if one is larger than a README should carry."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        url = at or stack.enter_context(demonstration(Path(place)))
        page, pathway = stack.enter_context(page_on(url)), stuck(url)
        for name, path in (
            ("console", "/console"),
            ("hand-offs", "/console/handoffs"),
            ("pathway", f"/console/pathways/{pathway}"),
            ("trace", f"/console/pathways/{pathway}/trace"),
            ("desk", desk(page)),
            ("http", "/docs/api"),
        ):
            page.goto(path)
            page.wait_for_load_state("networkidle" if name != "console" else "load")
            page.screenshot(path=IMAGES / f"{name}.png")
    large = [each.name for each in IMAGES.glob("*.png") if each.stat().st_size > MOST_BYTES]
    if large:
        print(f"larger than {MOST_BYTES:,} bytes: {', '.join(large)}", file=sys.stderr)
    return bool(large)


@contextmanager
def demonstration(place: Path) -> Iterator[str]:
    """It runs, and has told enough of its lives."""
    up = Up(place / "data", "--demo", out=place / "out", executed=True).ready()
    try:
        with httpx.Client(base_url=up.url, timeout=30) as http:
            told = f"{TOLD:,} interactions are told"
            wait_until(lambda: http.get("/v1/status").json()["interactions"] >= TOLD, told, PATIENCE_S)
        yield up.url
    finally:
        up.process.terminate()
        try:
            up.process.wait(30)
        finally:
            up.end()


def stuck(url: str) -> str:
    """The pathway of the demonstration's stuck hand-off."""
    command = Path(sys.executable).with_name("pathline-services")
    asked = subprocess.run([command, "stuck"], capture_output=True, text=True, check=True)
    return str(httpx.post(f"{url}/v1/pathways/search", json=json.loads(asked.stdout), timeout=30).json()["pathway"])


def desk(page: Page) -> str:
    """The inbox of an organisation; the browser acts for it from now on."""
    page.goto("/desk/organisation")
    page.locator("input[name=org]").fill(DESK)
    page.locator("input[name=org]").press("Enter")
    page.wait_for_url("**/desk")
    return "/desk"


@contextmanager
def page_on(url: str) -> Iterator[Page]:
    """A browser of the pictures' width."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = chromium.new_context(base_url=url, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        yield context.new_page()
        chromium.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
