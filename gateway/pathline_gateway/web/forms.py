"""What somebody sent with a form of ours."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from fastapi import Request

from pathline_gateway.web.patterns import require_storable

_MAX_BYTES = 4_096


async def read_form(request: Request) -> dict[str, str]:
    """The last value of each name, without the space around it; nothing when it is too long, or no form.

    Raises Problem where Postgres could not keep it.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            return {}
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True)
    except (ValueError, UnicodeDecodeError):
        return {}
    form = {name: values[-1].strip() for name, values in fields.items()}
    require_storable([(("body", name), part) for name, value in form.items() for part in (name, value)])
    return form


def is_same_origin(request: Request) -> bool:
    """Whether a page of this host sent it, as far as the browser says; another site's page may not act here."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
