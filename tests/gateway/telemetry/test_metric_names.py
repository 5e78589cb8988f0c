"""Every metric that a page names is one that the gateway has."""

from __future__ import annotations

import re

from gateway.telemetry.instrument_uses import declared_instruments
from pathline_gateway.telemetry.series_bound import METRIC_ATTRIBUTES
from support.repository import ROOT

_NAMES = {each.name for each in declared_instruments()}
_AREAS = {name.split(".")[1] for name in _NAMES}
_NAMED = re.compile(rf"`(pathline\.(?:{'|'.join(sorted(_AREAS))})(?:\.[a-z]+)*)`")


def test_no_page_names_a_metric_that_does_not_exist() -> None:
    named = {
        (page.relative_to(ROOT).as_posix(), name)
        for page in (
            *ROOT.glob("docs/**/*.md"),
            *ROOT.glob("*.md"),
            ROOT / "gateway/README.md",
            *ROOT.glob("deploy/*.md"),
        )
        for name in _NAMED.findall(page.read_text("utf-8"))
    }
    assert {name for _, name in named} >= _NAMES, "docs/reference/metrics.md names every one"
    assert {(page, name) for page, name in named if name not in {*_NAMES, *METRIC_ATTRIBUTES}} == set()
