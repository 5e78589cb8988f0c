"""Standard Webhooks: what a sink needs to be sure that a request is ours. Pure, but for the secret's chance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

_PREFIX: Final = "whsec_"
_BYTES: Final = 32


def new_secret() -> str:
    """A secret in the form in which libraries of Standard Webhooks take it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signatures(signing_secrets: Iterable[str], id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each secret, so that a sink may know the old or the new."""
    content = b"%s.%d.%s" % (id.encode(), timestamp, body)
    return " ".join(_sign(key, content) for key in signing_secrets)


def _sign(secret: str, content: bytes) -> str:
    mac = hmac.new(base64.b64decode(secret.removeprefix(_PREFIX)), content, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()
