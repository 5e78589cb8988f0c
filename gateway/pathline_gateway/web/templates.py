"""How every page is sent: rendered, framed by nobody, kept by nobody, with nothing from other hosts."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from pathline_gateway.web import formatting

_HEADERS = {
    "content-security-policy": "default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
}

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(
    day=formatting.format_day,
    step_day=formatting.format_step_day,
    happened=formatting.step_title,
    moment=formatting.format_instant,
    organisation=formatting.organisation_name,
)


def render_page(
    template: str, status_code: int = 200, *, referrer: str = "no-referrer", **values: object
) -> HTMLResponse:
    """The page. `referrer` is `same-origin` where a form acts: with none, a browser hides where the form was."""
    headers = _HEADERS | {"referrer-policy": referrer}
    return HTMLResponse(_templates.get_template(template).render(**values), status_code, headers)
