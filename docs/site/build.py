"""The documentation as a site, in build/site, that needs no other host: `make docs`.

The pages are those of docs/ and the READMEs of the folders. A link to a page leads to it; a link to any other file of
the repository becomes the file's name.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ROOT / "build"

_FENCE: Final = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")

Nav = list[dict[str, Any]]


def read_navigation() -> Nav:
    """The sections, each with its pages by their paths in the repository. Raises ValueError where one is left out."""
    sections: Nav = tomllib.loads((ROOT / "docs/site/site.toml").read_text())["nav"]
    for section in sections:
        if "folder" in section:
            section["pages"] = [_name(path) for path in sorted((ROOT / section["folder"]).glob("*.md"))]
    named = {page for section in sections for page in section["pages"]}
    there = {_name(path) for pattern in ("docs/**/*.md", "*.md", "[a-z]*/README.md") for path in ROOT.glob(pattern)}
    if left_out := sorted(there - named):
        raise ValueError(f"docs/site/site.toml leaves out {', '.join(left_out)}")
    return sections


def site_path(page: str) -> str:
    """Where a page of the repository stands among the sources of the site."""
    if page.startswith("docs/"):
        return page.removeprefix("docs/")
    return f"repository/{page.lower().removesuffix('/readme.md').removesuffix('.md')}.md"


def mend_links(page: str, text: str, places: dict[str, str]) -> str:
    """The text of a page, with links as they are from its place in the site."""

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), found["target"]))
        for meant in (target, f"{target}/README.md"):
            if meant in places or meant.startswith("docs/images/"):
                to = places.get(meant) or meant.removeprefix("docs/")
                relative = posixpath.relpath(to, posixpath.dirname(places[page]) or ".")
                return f"{found['image']}[{found['text']}]({relative}{found['anchor'] or ''})"
        return f"{found['text']} (`{target}`)" if found["text"].strip("`") != target else f"`{target}`"

    parts = _FENCE.split(text)
    return "".join(part if n % 2 else _LINK.sub(link, part) for n, part in enumerate(parts))


def assemble_pages(sources: Path) -> Nav:
    """Writes the sources of the site; the navigation by their places."""
    sections = read_navigation()
    places = {page: site_path(page) for section in sections for page in section["pages"]}
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(ROOT / "docs/images", sources / "images")
    for page, to in places.items():
        (sources / to).parent.mkdir(parents=True, exist_ok=True)
        (sources / to).write_text(mend_links(page, (ROOT / page).read_text(), places))
    return [{section["title"]: [places[page] for page in section["pages"]]} for section in sections]


def build_configuration(nav: Nav) -> dict[str, Any]:
    """What the generator is told. Fonts are those of the reader's machine, and nothing is loaded from elsewhere."""
    return {
        "site_name": "Pathline",
        "site_description": "Joined-up services, seen as one path",
        "docs_dir": "pages",
        "site_dir": "site",
        "use_directory_urls": False,
        "nav": nav,
        "theme": {
            "language": "en",
            "font": False,
            "features": ["navigation.sections", "navigation.top", "content.code.copy", "search.highlight"],
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default"},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate"},
            ],
        },
        "extra": {"generator": False},
        "markdown_extensions": [
            "tables",
            "attr_list",
            "pymdownx.superfences",
            {"pymdownx.highlight": {"pygments_lang_class": True}},
        ],
        "validation": {"invalid_links": True, "invalid_link_anchors": True},
    }


def generate_site(folder: Path, nav: Nav) -> int:
    """Makes `site` of `pages` in this folder; a link or an anchor that leads nowhere fails."""
    configured = folder / "mkdocs.yml"
    configured.write_text(json.dumps(build_configuration(nav), indent=1))  # JSON is YAML
    shutil.rmtree(folder / "site", ignore_errors=True)
    command = [Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict", "--config-file", configured]
    return subprocess.run(command, cwd=folder, check=False).returncode


def main(folder: Path = BUILD) -> int:
    """Builds the site."""
    folder.mkdir(exist_ok=True)
    return generate_site(folder, assemble_pages(folder / "pages"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
