"""`docs/limits.md`, made from the table.

python -m pathline_gateway.limits.document --write
python -m pathline_gateway.limits.document --check
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pathline_gateway.limits.limit import NamedLimit
from pathline_gateway.limits.table import Limits

FILE: Final = Path("docs/limits.md")
"""Where it is committed, seen from the root of the repository."""

_INTRODUCTION: Final = """\
# Limits: what one caller may use

Nobody stops the others: whatever one caller sends, all others are served as if it was not there. Each limit has a
number, a setting for another number, and one answer. This page is made from
[the table](../gateway/pathline_gateway/limits/table.py) by `make schemas`.

- **A caller** is an organisation or an account. Before it is known, and while auth is off, it is an address.
- **Limits hold for each process.** With `--serve 3`, or three gateways side by side, a caller has three times as much
  in all. One connection reaches one process, and a third of that.
- **A refusal** is problem+json. It has a stable reason in `type`, the name of the limit in `limit`, and its number
  in `allowed`.
- **429 and 503** pass: send the same request again after `Retry-After` seconds. 413 and 431 do not pass: send less.
  They have no `Retry-After`, because clients that find one send the same again by themselves.
- **`RateLimit-Policy` and `RateLimit`** say the limit as the IETF's
  [draft](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/) does:
  `"events-bytes";q=16777216;qu="content-bytes"` and `"events-bytes";r=16777216`.

| limit | number | for each | refusal | setting | why |
|---|---|---|---|---|---|
"""


def render_document() -> str:
    """The page: a line for each limit, with the number that holds where nothing is set."""
    defaults = Limits.model_construct()
    return _INTRODUCTION + "".join(_render_row(defaults.named_limit(field)) for field in Limits.model_fields)


def _render_row(named_limit: NamedLimit) -> str:
    limit = named_limit.limit
    window = "" if limit.window_s is None else f" in {limit.window_s} s"
    refusal = f"{limit.status} `{limit.reason}`"
    if limit.status is None:
        refusal = (
            "waits its turn"
            if limit.waits
            else f"parked: `{limit.reason}`"
            if limit.parks
            else limit.reason or "closed"
        )
    cells = (
        f"`{named_limit.name}`",
        f"{named_limit.number:,} {limit.unit}{window}",
        limit.per,
        refusal,
        f"`{named_limit.setting}`",
        named_limit.rationale.replace("\n", " "),
    )
    return f"| {' | '.join(cells)} |\n"


def main(arguments: Sequence[str]) -> int:
    """Writes the page, or says whether it is as it would be written."""
    if "--write" in arguments:
        FILE.write_text(render_document())
        return 0
    if FILE.exists() and FILE.read_text() == render_document():
        return 0
    print(f"{FILE} is not what the table says: run `make schemas`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
