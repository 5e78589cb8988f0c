"""The metrics that are declared, and what the other modules say to them, as their source has it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Final, NamedTuple

import pathline_gateway

_ROOT: Final = Path(pathline_gateway.__file__).parent
_DECLARED_IN: Final = "telemetry/instruments.py"
_CLASSES: Final = {"BoundedCounter", "BoundedHistogram", "ObservedGauge"}
_METHODS: Final = {"add", "record", "replace_all"}


class DeclaredInstrument(NamedTuple):
    """A metric of `instruments.py`."""

    constant: str
    name: str
    attribute_keys: Set[str]


class InstrumentUse(NamedTuple):
    """A call that tells an instrument something."""

    module: str
    constant: str
    keys_in_call: Set[str]
    """The attributes that stand in the call itself."""
    keys_in_module: Set[str]
    """Those and others of the module: a call may be given a variable."""


def declared_instruments() -> list[DeclaredInstrument]:
    """Every one, by the names that the code and the outside have for it."""
    found = []
    for node in ast.parse((_ROOT / _DECLARED_IN).read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call) and isinstance(node.target, ast.Name):
            call = node.value
            if getattr(call.func, "id", None) in _CLASSES:
                name = call.args[0].args[0] if isinstance(call.args[0], ast.Call) else call.args[0]
                (keys,) = (each.value for each in call.keywords if each.arg == "attribute_keys")
                found.append(
                    DeclaredInstrument(node.target.id, ast.literal_eval(name), frozenset(ast.literal_eval(keys)))
                )
    return found


def instrument_uses() -> Iterator[InstrumentUse]:
    """Every call of another module."""
    constants = {each.constant for each in declared_instruments()}
    for path in _ROOT.rglob("*.py"):
        module = path.relative_to(_ROOT).as_posix()
        if module == _DECLARED_IN:
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
                told = getattr(node.func.value, "id", None)
                if told in constants:
                    yield InstrumentUse(module, str(told), _attribute_keys(node), _attribute_keys(tree))


def _attribute_keys(tree: ast.AST) -> Set[str]:
    return {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
