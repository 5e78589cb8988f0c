"""What there is to lint: pages, templates without their markup, and the docstrings and messages in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from inspect import cleandoc
from pathlib import Path
from typing import Final

from support.repository import ROOT

PAGES: Final = ("docs/**/*.md", "*.md", "[a-z]*/README.md")
TEMPLATES: Final = "gateway/pathline_gateway/**/*.html"
CODE: Final = ("contracts/pathline", "gateway/pathline_gateway", "services/pathline_services")

FEWEST_WORDS: Final = 4
"""A literal of fewer words is a name or a label."""

_BLOCK: Final = (
    "p|div|li|ul|ol|dl|dt|dd|h[1-6]|table|thead|tbody|tr|td|th|caption|section|main|header|footer|nav|form|label"
    "|button|option|select|summary|details|legend|fieldset|title|article|figcaption|figure|br|svg|g|pre|html|head"
    "|body|input|textarea|hr|aside"
)
"""Elements that begin a text of their own."""

_NO_PROSE: Final = re.compile(
    r"^\W*(?:select|insert into|update [\w ]+ set|delete from|create|alter|drop|lock table|copy \w+ \(|analyze)\b"
    r"|^\W*with \w+(?: \([^)]*\))? as\b|^\W*set (?:local|constraints|session)\b|^\W*(?:and|or|from|where)\b.*[=<>(]"
    r"|\b(?:FROM|WHERE|SELECT|JOIN|VALUES|RETURNING)\b|\$\d|coalesce\(|exists \(|\bmaterialized \("
    r"|\b(?:left|cross) join\b|<\w|\n *\n|^[^a-z]*$",
    re.DOTALL,
)
"""SQL, markup, figures, and documents of several paragraphs."""

_COMMAND: Final = re.compile(r"^  .*$", re.MULTILINE)
"""A line of a message that shows a command."""

_NO_SENTENCE: Final = re.compile(
    r"^Parameters\n-+\n|^\w+\n {4}(?=\S)|\n(?=\w+: )|^\w+ += .*(?:\n {3,}.*)*", re.MULTILINE
)
"""In a docstring: the heading of a command's flags, the name of each, and a formula."""


@dataclass(frozen=True)
class Prose:
    """A text, and where it begins."""

    path: str
    line: int
    text: str
    ext: str


def read_all() -> Iterator[Prose]:
    """All prose of the repository."""
    for path in sorted({path for pattern in PAGES for path in ROOT.glob(pattern)}):
        yield Prose(_name(path), 1, path.read_text(), ".md")
    for path in sorted(ROOT.glob(TEMPLATES)):
        yield from extract_template(_name(path), path.read_text())
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from extract_messages(_name(path), path.read_text())
            yield from extract_docstrings(_name(path), path.read_text())


def extract_template(name: str, source: str) -> Iterator[Prose]:
    """The text of each block of a template: a value is a word, an alternative is a text of its own."""
    source = re.sub(r"\{#.*?#\}|<!--.*?-->|<(style|script)\b.*?</\1>", _newlines, source, flags=re.DOTALL)
    alternatives = re.compile(
        r"\{%-?\s*(?:else|elif)\b[^%]*%\}((?:(?!\{%-?\s*(?:if|for|endif|endfor)\b).)*?)(?=\{%-?\s*(?:else|elif|endif|endfor)\b)",
        re.DOTALL,
    )
    while found := alternatives.search(source):
        yield from _blocks(name, found[1], 1 + source.count("\n", 0, found.start(1)))
        source = source[: found.start()] + _newlines(found) + source[found.end() :]
    yield from _blocks(name, source, 1)


def _blocks(name: str, source: str, line: int) -> Iterator[Prose]:
    source = re.sub(r"<code\b[^>]*>.*?</code>", lambda m: "C0DE" + _newlines(m), source, flags=re.DOTALL)
    source = re.sub(r"\{\{.*?\}\}", lambda m: "V4LUE" + _newlines(m), source, flags=re.DOTALL)
    source = re.sub(
        r"\{%-?\s*(?:block|endblock|for|endfor|macro|endmacro|call|endcall|include)\b.*?%\}",
        lambda m: "\x00" + _newlines(m),
        source,
        flags=re.DOTALL,
    )
    source = re.sub(r"\{%.*?%\}", _newlines, source, flags=re.DOTALL)
    source = re.sub(rf"</?(?:{_BLOCK})\b[^>]*>", lambda m: "\x00" + _newlines(m), source, flags=re.DOTALL)
    source = re.sub(r"</?\w[^>]*>", _newlines, source, flags=re.DOTALL)
    for block in source.split("\x00"):
        begins = line + block[: len(block) - len(block.lstrip())].count("\n")
        line += block.count("\n")
        if text := " ".join(unescape(block).split()):
            yield Prose(name, begins, text, ".txt")


def extract_messages(name: str, source: str) -> Iterator[Prose]:
    """The literals of a module that are sentences: errors, refusals, help, words on pages, log lines. No docstrings."""
    inner: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr | ast.FormattedValue):
            inner.update(id(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.Constant))
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
        if not isinstance(node, ast.expr) or id(node) in inner:
            continue
        text = _COMMAND.sub("", _literal(node))
        if len(text.split()) >= FEWEST_WORDS and not _NO_PROSE.search(text):
            yield Prose(name, node.lineno, " ".join(text.split()), ".txt")


def extract_docstrings(name: str, source: str) -> Iterator[Prose]:
    """The docstrings of a module: of itself, of classes and functions, and those below a field or a constant."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.If | ast.With):
            continue
        for part in node.body:
            if isinstance(part, ast.Expr) and (text := _literal(part.value)):
                # `None` is the value, and negates nothing.
                text = _NO_SENTENCE.sub("\n\n", re.sub(r"\bNone\b", "C0DE", cleandoc(text)))
                yield Prose(name, part.lineno, text, ".md")


def _literal(node: ast.AST) -> str:
    """The text of a literal, with a word for each value in it; nothing for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "V4LUE" for part in node.values)
    return ""


def _newlines(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
