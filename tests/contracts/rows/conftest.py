"""The tables of cases, and the desk's scripts that run them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.browser_scripts import BrowserScripts


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserScripts]:
    running = BrowserScripts(tmp_path_factory.mktemp("scripts"))
    yield running
    running.close()
