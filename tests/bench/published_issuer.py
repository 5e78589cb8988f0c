"""An issuer of tokens whose keys are published over HTTP on loopback, as an agency's own identity provider does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pathline_gateway.auth.dev_issuer.issuer import Issuer, load_or_create_issuer


@contextmanager
def published_issuer(folder: Path) -> Iterator[Issuer]:
    """Its discovery document and its keys are there until the block ends."""
    site = folder / "site"
    (site / ".well-known").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    issuer = load_or_create_issuer(folder / "key", f"http://127.0.0.1:{server.server_port}")
    described = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks.json"}
    (site / ".well-known" / "openid-configuration").write_text(json.dumps(described))
    (site / "jwks.json").write_text(json.dumps(issuer.keys.as_dict(private=False)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""
