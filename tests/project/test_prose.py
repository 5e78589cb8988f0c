"""The linter of prose finds each planted violation in pages, templates and code, and leaves plain text alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from project.prose.lint import lint
from project.prose.sources import Prose, extract_docstrings, extract_messages, extract_template

LONG = "The gateway " + "reads a record and " * 7 + "stops."

VIOLATIONS = {
    "sentence-length": [
        LONG,
        f"Short. {LONG} Short.",
        f"* An item: {LONG.lower()}",
        f"| a | b |\n|---|---|\n| x | {LONG} |",
    ],
    "passives": ["An event that was sent is kept, is read and is stored."],
    "plain-words": ["Use filters, e.g. these.", "We utilise Kafka.", "Leverage the log.", "In order to read, wait."],
    "old-words": ["It is told where it is given.", "This is a standing wish.", "Events are handed out at hand."],
    "double-negation": ["It is not uncommon.", "Nobody says nothing.", "It never ends without a reason."],
    "british-spelling": ["The organization waits.", "Its behavior and color.", "The call was canceled at the center."],
}

PLAIN = """\
# Streams

A subscription has filters. The gateway checks visibility again at delivery, so a gap always means loss.

* **Order** is that of commits; `e.g. this code is not prose, and in order to be sure it is as long as it wants to be`.

| it answers | and then |
|---|---|
| 2xx | the next event of the pathway comes |

```
utilise and leverage whatever is told where it is given
```
"""


def found(texts: Iterable[Prose]) -> list[str]:
    return [line.split()[1].rstrip(":") for line in lint(texts)]


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in VIOLATIONS.items() for text in texts])
def test_a_planted_violation_is_found(rule: str, text: str) -> None:
    assert set(found([Prose("page.md", 1, text, ".md")])) == {rule}


def test_plain_text_passes_and_code_is_no_prose() -> None:
    assert lint([Prose("page.md", 1, PLAIN, ".md")]) == []


def test_a_finding_says_where_it_is() -> None:
    (line,) = lint([Prose("page.md", 1, f"# Title\n\nShort.\n{LONG}\n", ".md")])
    assert line == "page.md:4:1 sentence-length: 31 words in a sentence: at most 22"


def test_the_text_of_a_template_is_linted_without_its_markup() -> None:
    template = f"""{{% extends "layout.html" %}}
<p class="e.g. no prose">{{{{ utilise }}}} events <a href="/leverage">wait</a>.</p>
{{% if more %}}<p>{LONG}</p>{{% else %}}<p>We utilise it.</p>{{% endif %}}
"""
    lines = lint(extract_template("page.html", template))
    assert sorted(line.split()[1] for line in lines) == ["plain-words:", "sentence-length:"]
    assert all(line.startswith("page.html:3:") for line in lines)


def test_the_messages_of_code_are_linted_apart_from_its_docstrings_and_not_its_sql() -> None:
    code = f'''
def refuse(field):
    """We utilise docstrings."""
    if field:
        raise ValueError(f"{{field}} must utilise a time")
    raise Problem(422, "wrong", "{LONG}")

READ = "select a from utilise where leverage is null"
WHY = {{"one": "it was utilised by another event"}}
'''
    lines = lint(extract_messages("module.py", code))
    assert [(line.split(":")[1], line.split()[1]) for line in sorted(lines)] == [
        ("5", "plain-words:"),
        ("6", "sentence-length:"),
        ("9", "plain-words:"),
    ]


def test_docstrings_are_linted_without_formulas_and_the_names_of_flags() -> None:
    code = f'''
"""We utilise a module.

key = HKDF(one two three four five six seven eight nine ten eleven twelve, thirteen fourteen fifteen)
"""
LIMIT: int = 3
"""{LONG}"""

class Reader:
    """Nothing comes; None where there is none."""

    def read(self, port, host):
        """Reads.

        Parameters
        ----------
        port
            The port of one two three four five six seven eight nine ten
        host
            The host of one two three four five six seven eight nine ten, in order to be long.
        """
'''
    lines = lint(extract_docstrings("module.py", code))
    assert sorted(line.split()[1] for line in lines) == ["plain-words:", "plain-words:", "sentence-length:"]
