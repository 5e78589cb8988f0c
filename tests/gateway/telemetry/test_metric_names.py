"""Every metric that a page names is one that the gateway has."""

from __future__ import annotations

import re

from support.repository import ROOT

_NAMED = re.compile(
    r"`(pathline\.(?:work|webhook|handoff|intake|limit|pull|door|identity|issuer|parked)(?:\.[a-z]+)*)`"
)


def test_no_page_names_a_metric_that_does_not_exist() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "gateway/pathline_gateway").rglob("*.py"))
    named = {
        (page.name, name)
        for page in (*ROOT.glob("docs/**/*.md"), ROOT / "README.md")
        for name in _NAMED.findall(page.read_text("utf-8"))
    }
    assert len(named) > 5
    assert {(page, name) for page, name in named if f'"{name}"' not in source} == set()
