"""A request as a line for a shell, in which `$AT` is the gateway and `$TOKEN` the caller's. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

_LINE_CONTINUATION = " \\\n  "


def curl_command(
    method: str, path: str, *, token: bool, query: Mapping[str, str], headers: Mapping[str, str], body: Any
) -> str:
    """The line. `path` may hold shell variables; `body` is None where nothing is sent."""
    url = f'"$AT{path}{"?" + urlencode(query) if query else ""}"'
    parts = [f"curl {url}" if method == "GET" else f"curl -X {method} {url}"]
    parts += ['-H "authorization: Bearer $TOKEN"'] if token else []
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    if body is not None:
        parts.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return _LINE_CONTINUATION.join(parts)
