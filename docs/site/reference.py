"""The pages of the reference that are made from the code: problem reasons, settings and metrics.

python docs/site/reference.py --write
python docs/site/reference.py --check
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pathline_gateway.limits.limit import NamedLimit
from pathline_gateway.limits.table import Limits
from pathline_gateway.settings import Settings

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ROOT / "docs/reference"
CODE: Final = ("contracts/pathline", "gateway/pathline_gateway")

_REASON: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_BEGINNING: Final = "<!-- made by `make schemas`: change the code or docs/site/reasons.toml instead -->\n"

_OTHER_SETTINGS: Final = {
    "PATHLINE_TOKEN": (
        "`pathline`",
        "The bearer token that the agency's commands send; `--token-file` is the flag for it.",
    ),
    "PATHLINE_AS": ("`pathline-gateway`", "Who types a command, where several people share an account of the machine."),
}
"""Variables that no field of the settings reads: by which command, and what for."""

_METRIC_KINDS: Final = {"BoundedCounter": "counter", "BoundedHistogram": "histogram", "ObservedGauge": "gauge"}

_SECTIONS: Final = {
    "event": (
        "An event is refused or parked",
        "The door answers with them for each event, and a parked record has one.",
    ),
    "http": ("A request is refused", "The `type` of a problem+json is `urn:pathline:problem:` and the reason."),
    "webhook": ("A delivery to a sink failed", "`…/failures` of the subscription has them."),
    "topic": (
        "A topic is not written",
        "`last_failure` of `…/status` has them, with protocol `KAFKA`. `rights-refused` is in the log alone.",
    ),
    "command": ("A command stopped", "Commands print the reason, and exit with 1 or 2."),
}


def parse_modules() -> Iterator[ast.Module]:
    """Every module."""
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text())


def literal_text(node: ast.expr) -> str | None:
    """A literal text."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def collect_reasons() -> dict[str, set[int]]:
    """Each reason that the code names, with the statuses that it is answered with."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for tree in parse_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and len(node.args) >= 2:
                status, reason = node.args[0], literal_text(node.args[1])
                if (
                    isinstance(status, ast.Constant)
                    and type(status.value) is int
                    and 400 <= status.value < 600
                    and reason
                ):
                    found[reason].add(status.value)
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
                        (name,) = line.targets if isinstance(line, ast.Assign) else (line.target,)
                        reason = literal_text(line.value)
                        if isinstance(name, ast.Name) and name.id == "reason" and reason:
                            found[reason].update(())
    return {reason: statuses for reason, statuses in found.items() if _REASON.fullmatch(reason)}


def collect_literals() -> set[str]:
    """Every text that stands in the code as a whole."""
    return {
        text
        for tree in parse_modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and (text := node.value)
    }


def list_limits() -> list[NamedLimit]:
    """Every limit, with the number that holds where nothing is set."""
    defaults = Limits.model_construct()
    return [defaults.named_limit(field) for field in Limits.model_fields]


def render_errors() -> str:
    """The page of reasons. Raises ValueError where the table and the code differ."""
    table: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads((ROOT / "docs/site/reasons.toml").read_text())
    code, by_limit = collect_reasons(), defaultdict[str, list[NamedLimit]](list)
    for each in list_limits():
        by_limit[each.limit.reason].append(each)
    named = {reason for section in table.values() for reason in section}
    if missing := sorted(code.keys() - named - by_limit.keys()):
        raise ValueError(f"docs/site/reasons.toml lacks {', '.join(missing)}")
    if gone := sorted(named - collect_literals()):
        raise ValueError(f"docs/site/reasons.toml has reasons that are not in the code: {', '.join(gone)}")
    text = f"""\
# Errors

{_BEGINNING}
Every refusal has a stable `reason`. The same word is the problem type over HTTP, the reason of a parked record, the
metric label and the log field. The sentence beside it may change; write programs against the reason. No error
repeats a value, because it may be personal.
"""
    for section, (title, about) in _SECTIONS.items():
        text += f"\n## {title}\n\n{about}\n\n"
        status = section in ("event", "http")
        text += _head("reason", *(["status"] if status else []), "means", "do")
        for reason, (means, do) in sorted(table[section].items()):
            statuses = ", ".join(str(each) for each in sorted(code.get(reason, ())))
            text += _row(f"`{reason}`", *([statuses] if status else []), means, do)
    text += (
        "\n## A limit was met\n\nThe answer names the limit; [limits](../limits.md) has its number and its setting.\n\n"
    )
    text += _head("reason", "status", "limits", "do")
    for reason, met in sorted(by_limit.items()):
        if not reason:
            continue
        statuses = ", ".join(sorted({str(each.limit.status or "") for each in met} - {""}))
        names = ", ".join(f"`{each.name}`" for each in met)
        text += _row(f"`{reason}`", statuses, names, "; ".join(sorted({each.limit.advice for each in met})))
    return text


def render_settings() -> str:
    """The page of settings: each variable, what holds where it is not set, and what it says."""
    text = f"""\
# Settings

{_BEGINNING}
The gateway reads its settings from the environment. Flags of `pathline-gateway up` win over `PATHLINE_HOST`,
`PATHLINE_PORT`, `PATHLINE_DEV_AUTH` and `PATHLINE_NOW`. The standard `OTEL_…` variables say where metrics and spans go.
[Deploy](../../deploy/README.md) says which ones production needs.

"""
    text += _head("variable", "where not set", "what it says")
    for name, field in Settings.model_fields.items():
        if name == "limits":
            continue
        usual = (
            ""
            if field.default in (None, "")
            else f"`{str(field.default).lower() if field.default in (True, False) else field.default}`"
        )
        text += _row(f"`PATHLINE_{name.upper()}`", usual, _one_line(field.description or ""))
    text += "\n## Limits\n\nEach limit has a variable; [limits](../limits.md) has their numbers and reasons.\n\n"
    text += "".join(f"- `{each.setting}`\n" for each in list_limits())
    text += "\n## Commands\n\n" + _head("variable", "read by", "what it says")
    for name, (command, says) in _OTHER_SETTINGS.items():
        text += _row(f"`{name}`", command, says)
    known = {f"PATHLINE_{name.upper()}" for name in Settings.model_fields} | _OTHER_SETTINGS.keys()
    known |= {each.setting for each in list_limits()}
    if unknown := sorted({each for each in collect_literals() if _is_variable(each)} - known):
        raise ValueError(f"no setting, and not in docs/site/reference.py: {', '.join(unknown)}")
    return text


def render_metrics() -> str:
    """The page of metrics: each by name, with its unit, its attributes and the question that it answers."""
    text = f"""\
# Metrics

{_BEGINNING}
`/metrics` serves them for Prometheus, and the standard `OTEL_…` variables send them over OTLP. No label holds a person,
a pathway or an event. Counters end with `_total` in Prometheus, and durations with `_seconds`. An attribute is a label
there, with `_` for each dot.

"""
    text += _head("metric", "kind", "unit", "attributes", "the question that it answers")
    rows = []
    for tree in parse_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (kind := _METRIC_KINDS.get(getattr(node.func, "id", ""))):
                instrument = node.args[0] if isinstance(node.args[0], ast.Call) else node
                said = {each.arg: each.value for each in (*instrument.keywords, *node.keywords)}
                name, unit, question = map(literal_text, (instrument.args[0], said["unit"], said["description"]))
                keys = ", ".join(f"`{key}`" for key in ast.literal_eval(said["attribute_keys"]))
                rows.append((f"`{name}`", kind, f"`{unit}`", keys, question or ""))
    return text + "".join(_row(*row) for row in sorted(rows))


def render_pages() -> dict[Path, str]:
    """Every page by its file."""
    return {
        PAGES / "errors.md": render_errors(),
        PAGES / "settings.md": render_settings(),
        PAGES / "metrics.md": render_metrics(),
    }


def _is_variable(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"PATHLINE_[A-Z][A-Z_]*[A-Z]", text) is not None


def _head(*cells: str) -> str:
    return _row(*cells) + "|" + "---|" * len(cells) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main(arguments: Iterable[str]) -> int:
    """Writes the pages, or says whether they are as they would be written."""
    stale = [path for path, text in render_pages().items() if not path.exists() or path.read_text() != text]
    if "--write" in arguments:
        PAGES.mkdir(parents=True, exist_ok=True)
        for path in stale:
            path.write_text(render_pages()[path])
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what the code says: run `make schemas`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
