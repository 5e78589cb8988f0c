"""A request as it is written to a connection. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def encode_request(method: str, target: str, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """All of the request. Raises ValueError where a header would be more than one line of ASCII."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(body)}")
    if not "".join(lines).isprintable():
        raise ValueError("a header may not have a line break or another control character")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body
