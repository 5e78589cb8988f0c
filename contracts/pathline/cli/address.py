"""Where `--to` points: a gateway's door over HTTP, or a Kafka broker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from pathline.cli.errors import WrongMapping

_BROKER: Final = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"
_BROKERS: Final = re.compile(rf"kafka://({_BROKER}(?:,{_BROKER})*)/?", re.ASCII)
_FORMS_ADVICE: Final = "--to: write http://host:port, https://host or kafka://host:port"


@dataclass(frozen=True, slots=True)
class Address:
    """A destination of events: the URL of a gateway, or `host:port[,host:port]` of a broker."""

    kind: Literal["http", "kafka"]
    target: str
    display: str
    """The same without a password that may stand in it."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address in this text. Raises WrongMapping where it is none."""
        if brokers := _BROKERS.fullmatch(text):
            return cls("kafka", brokers[1], f"kafka://{brokers[1]}")
        parts = _split_url(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise WrongMapping(_FORMS_ADVICE)
        display = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return cls("http", text.rstrip("/"), display.rstrip("/"))


def _split_url(text: str) -> SplitResult:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise WrongMapping(_FORMS_ADVICE)
    try:
        parts = urlsplit(text)
        _ = parts.port  # only asking for it checks it
    except ValueError:
        raise WrongMapping(_FORMS_ADVICE) from None
    return parts
