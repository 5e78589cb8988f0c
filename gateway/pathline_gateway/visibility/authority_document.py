"""The table of authority in `docs/who-sees-what.md`, made from the table itself.

python -m pathline_gateway.visibility.authority_document --write
python -m pathline_gateway.visibility.authority_document --check
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pathline_gateway.visibility.authority import SAFETY, TABLE, Relation, Rule, Sayer

FILE: Final = Path("docs/who-sees-what.md")
"""Where it is committed, seen from the root of the repository."""
_BEGIN: Final = "<!-- made from gateway/pathline_gateway/visibility/authority.py by `make schemas` -->\n"
_END: Final = "<!-- end of what is made -->\n"
_HEAD: Final = "| event | said by | about | effect | which means |\n|---|---|---|---|---|\n"


def table() -> str:
    """A line for each rule, in the order of the table."""
    return _HEAD + "".join(_line(rule) for rule in TABLE)


def document(page: str) -> str:
    """The page with the table as it is now. Raises ValueError where it has no place for one."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("the page has lost the lines between which the table stands")
    return f"{before}{_BEGIN}{table()}{_END}{after}"


def _line(rule: Rule) -> str:
    types = ", ".join(f"`{_short(type)}`" for type in rule.types)
    relations = "any" if set(rule.relations) == set(Relation) else " or ".join(rule.relations)
    cells = (types, _sayers(rule), relations, f"**{rule.effect}**", rule.words)
    return f"| {' | '.join(cells)} |\n"


def _sayers(rule: Rule) -> str:
    organisations = {Sayer.ORGANISATION, Sayer.REGISTRAR, Sayer.LINKER}
    named: list[str] = [sayer for sayer in rule.sayers if sayer not in organisations]
    if organisations <= set(rule.sayers):
        named.append("any organisation")
    elif Sayer.ORGANISATION in rule.sayers:
        named.append("any other organisation")
    else:
        named += [sayer for sayer in rule.sayers if sayer in organisations]
    return "; ".join(named)


def _short(type: str) -> str:
    return type if type == SAFETY else type.removeprefix("org.pathline.").rpartition(".v")[0]


def main(arguments: Sequence[str]) -> int:
    """Writes the table, or says whether it is as it would be written."""
    page = FILE.read_text()
    if "--write" in arguments:
        FILE.write_text(document(page))
        return 0
    if page == document(page):
        return 0
    print(f"{FILE} is not what the table of authority says: run `make schemas`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
