"""The documentation as a site: it builds, its links lead somewhere, and it loads nothing from other hosts."""

from __future__ import annotations

import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from playwright.sync_api import Browser

from support.browser import CHROMIUM, IN_CI, MISSING, browser
from support.repository import ROOT

__all__ = ["browser"]

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""What a browser loads by itself; an anchor it only follows when somebody clicks."""


def load_module(name: str) -> ModuleType:
    """A module of docs/site, which is no package."""
    spec = importlib.util.spec_from_file_location(f"site_{name}", ROOT / f"docs/site/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Elements(HTMLParser):
    """What a page loads, where it links to, and which ids it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loads, self.links, self.ids = list[str](), list[str](), set[str]()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        if address := said.get(LOADED.get(tag, "")):
            self.loads.append(address)
        if tag == "a" and (address := said.get("href")):
            self.links.append(address)
        self.ids |= {value for name in ("id", "name") if (value := said.get(name))}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    assert load_module("build").main(folder) == 0
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Elements]:
    return {page: Elements(page) for page in sorted(site.rglob("*.html"))}


def test_every_page_of_the_documentation_is_there(site: Path) -> None:
    sections = load_module("build").read_navigation()
    assert [section["title"] for section in sections] == [
        "Start here", "Tutorials", "How-to", "Reference", "Explanation", "Decisions",
    ]  # fmt: skip
    for section in sections:
        for page in section["pages"]:
            assert (site / load_module("build").site_path(page)).with_suffix(".html").exists(), page


def test_no_page_and_no_style_loads_anything_from_another_host(site: Path, pages: dict[Path, Elements]) -> None:
    elsewhere = re.compile(r"(?:[a-z]+:)?//")
    assert {
        (page.name, each) for page, found in pages.items() for each in found.loads if elsewhere.match(each)
    } == set()
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:url\(\s*['\"]?|@import\s+['\"])(?:https?:)?//[^)'\"]*", style.read_text()) == [], (
            style.name
        )
    assert [path.name for path in site.rglob("*") if path.suffix in {".woff", ".woff2", ".ttf"}] == []


def test_every_link_of_the_site_leads_to_a_page_and_a_place_on_it(site: Path, pages: dict[Path, Elements]) -> None:
    lost = set()
    for page, found in pages.items():
        here = f"/{page.relative_to(site)}"
        if here == "/404.html":
            continue
        for link in found.links:
            meant = urlsplit(urljoin(here, link))
            if meant.scheme or meant.netloc:
                continue
            target = site / unquote(meant.path).lstrip("/")
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (meant.fragment and unquote(meant.fragment) not in pages[target].ids):
                lost.add((here, link))
    assert lost == set()


def test_a_planted_link_that_leads_nowhere_fails(tmp_path: Path) -> None:
    build = load_module("build")
    nav = build.assemble_pages(tmp_path / "pages")
    with (tmp_path / "pages/desk.md").open("a") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    assert build.generate_site(tmp_path, nav) != 0


def test_a_page_that_the_navigation_leaves_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build = load_module("build")
    (tmp_path / "docs/site").mkdir(parents=True)
    (tmp_path / "docs/left-out.md").write_text("# Left out")
    (tmp_path / "docs/site/site.toml").write_text('[[nav]]\ntitle = "All"\npages = []\n')
    monkeypatch.setattr(build, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"leaves out docs/left-out\.md"):
        build.read_navigation()


def test_the_reference_names_every_reason_and_fails_where_one_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = load_module("reference")
    assert reference.main(["--check"]) == 0
    known = reference.collect_reasons()
    monkeypatch.setattr(reference, "collect_reasons", lambda: known | {"brand-new": {409}})
    with pytest.raises(ValueError, match="lacks brand-new"):
        reference.render_errors()


@pytest.mark.skipif(CHROMIUM is None and not IN_CI, reason=MISSING)
@pytest.mark.parametrize("page", ["index.html", "streams.html", "repository/gateway.html", "reference/errors.html"])
def test_a_browser_asks_no_other_host(site: Path, browser: Browser, page: str) -> None:
    asked: list[str] = []
    opened = browser.new_context().new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((site / page).as_uri())
    opened.get_by_role("heading", level=1).first.wait_for()
    opened.wait_for_load_state("networkidle")
    assert asked
    assert [each for each in asked if not each.startswith(("file:", "data:", "blob:"))] == []
