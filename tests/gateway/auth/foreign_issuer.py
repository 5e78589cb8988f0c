"""Somebody else's OpenID Connect issuer, on loopback: strict about what it is sent, and told how to misbehave."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from pathline_gateway.auth.pkce import compute_challenge

SECRET = "a secret with: signs + %"


@dataclass
class ForeignIssuer:
    """It knows one client, and one person."""

    url: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    told: dict[str, str] = field(default_factory=dict)
    """What the browser brought to the authorization endpoint last."""
    access: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)
    """Claims that differ from what is right."""
    described: dict[str, Any] = field(default_factory=dict)
    by_basic: bool = True
    kind: str = "at+jwt"
    """What it calls its access tokens."""
    identity_kind: str = "JWT"

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?realm=x",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            **({} if self.by_basic else {"token_endpoint_auth_methods_supported": ["client_secret_post"]}),
            **self.described,
        }

    def tokens(self, said: dict[str, str], authorization: str | None) -> dict[str, Any] | None:
        """The answer of the token endpoint; None where something is not as it must be."""
        if self.by_basic:
            shown = b64decode((authorization or "Basic ").removeprefix("Basic ")).decode()
            if shown != "pathline:a%20secret%20with%3A%20signs%20%2B%20%25":
                return None
        elif said.get("client_secret") != SECRET:
            return None
        right = (said.get("grant_type"), said.get("code"), said.get("redirect_uri"))
        if right != ("authorization_code", "the-code", self.told["redirect_uri"]):
            return None
        if compute_challenge(said.get("code_verifier", "")) != self.told["code_challenge"]:
            return None
        return {"access_token": self.access_token(), "id_token": self.id_token(), "token_type": "Bearer"}

    def access_token(self) -> str:
        roles = {"aud": "pathline", "pathline_roles": ["publisher"], "pathline_org": "food-bank"}
        return self._signed(self._both() | roles | self.access, self.kind)

    def id_token(self) -> str:
        claims = self._both() | {"aud": "pathline", "nonce": self.told.get("nonce")} | self.identity
        return self._signed({name: value for name, value in claims.items() if value is not None}, self.identity_kind)

    def _both(self) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.url, "sub": "staff-1", "iat": now, "exp": now + 600}

    def _signed(self, claims: dict[str, Any], kind: str) -> str:
        return jwt.encode({"alg": "ES256", "kid": "one", "typ": kind}, claims, self.key)

    def back(self, at: str) -> dict[str, str]:
        """What the browser brings back, after it was sent to this address."""
        self.told = {name: values[0] for name, values in parse_qs(urlsplit(at).query).items()}
        return {"code": "the-code", "state": self.told["state"]}


@contextmanager
def foreign_issuer() -> Iterator[ForeignIssuer]:
    """It answers as long as the block."""
    issuer = ForeignIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(
                {
                    "/.well-known/openid-configuration": issuer.description(),
                    "/keys": dict(KeySet([issuer.key]).as_dict()),
                }.get(self.path)
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            said = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(issuer.tokens(said, self.headers.get("authorization")))

        def _answer(self, said: dict[str, Any] | None) -> None:
            self.send_response(400 if said is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(said or {"error": "invalid_grant"}).encode())

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
