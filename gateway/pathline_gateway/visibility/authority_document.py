"""The table of authority in `docs/who-sees-what.md`, made from the table itself.

python -m pathline_gateway.visibility.authority_document --write
python -m pathline_gateway.visibility.authority_document --check
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pathline_gateway.visibility.authority import SAFETY, TABLE, Asserter, Relation, Rule

DOCUMENT_PATH: Final = Path("docs/who-sees-what.md")
"""Where it is committed, seen from the root of the repository."""
_BEGIN_MARKER: Final = "<!-- made from gateway/pathline_gateway/visibility/authority.py by `make schemas` -->\n"
_END_MARKER: Final = "<!-- end of what is made -->\n"
_TABLE_HEADER: Final = "| event | said by | about | effect | which means |\n|---|---|---|---|---|\n"


def render_table() -> str:
    """A line for each rule, in the order of the table."""
    return _TABLE_HEADER + "".join(_render_row(rule) for rule in TABLE)


def replace_table(page: str) -> str:
    """The page with the table as it is now. Raises ValueError where it has no place for one."""
    before, begin, remainder = page.partition(_BEGIN_MARKER)
    _, end, after = remainder.partition(_END_MARKER)
    if not begin or not end:
        raise ValueError("the page has lost the lines between which the table stands")
    return f"{before}{_BEGIN_MARKER}{render_table()}{_END_MARKER}{after}"


def _render_row(rule: Rule) -> str:
    types = ", ".join(f"`{_short_type(type)}`" for type in rule.types)
    relations = "any" if set(rule.relations) == set(Relation) else " or ".join(rule.relations)
    cells = (types, _render_asserters(rule), relations, f"**{rule.effect}**", rule.meaning)
    return f"| {' | '.join(cells)} |\n"


def _render_asserters(rule: Rule) -> str:
    organisations = {Asserter.ORGANISATION, Asserter.REGISTRAR, Asserter.LINKER}
    labels: list[str] = [asserter for asserter in rule.asserters if asserter not in organisations]
    if organisations <= set(rule.asserters):
        labels.append("any organisation")
    elif Asserter.ORGANISATION in rule.asserters:
        labels.append("any other organisation")
    else:
        labels += [asserter for asserter in rule.asserters if asserter in organisations]
    return "; ".join(labels)


def _short_type(type: str) -> str:
    return type if type == SAFETY else type.removeprefix("org.pathline.").rpartition(".v")[0]


def main(arguments: Sequence[str]) -> int:
    """Writes the table, or says whether it is as it would be written."""
    page = DOCUMENT_PATH.read_text()
    if "--write" in arguments:
        DOCUMENT_PATH.write_text(replace_table(page))
        return 0
    if page == replace_table(page):
        return 0
    print(f"{DOCUMENT_PATH} is not what the table of authority says: run `make schemas`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
