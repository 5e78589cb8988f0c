"""An import-linter contract: a module that calls itself pure imports nothing that does I/O, not even through others."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

WORD = "Pure."


class PureContract(Contract):
    """Fails for each module whose docstring says `Pure.` and that imports one of these packages."""

    type_name = "pure"

    io_packages: Any = fields.ListField(subfield=fields.StringField())
    root_packages: Any = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """The chain of imports of each module that breaks its word."""
        chains = {}
        for module in sorted(graph.modules):
            if module.split(".")[0] not in self.root_packages or not says_pure(module):
                continue
            for package in self.io_packages:
                chain = graph.find_shortest_chain(module, package) if package in graph.modules else None
                if chain is not None:
                    chains[module] = chain
                    break
        return ContractCheck(kept=not chains, metadata={"chains": chains})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """A line for each."""
        for module, chain in check.metadata["chains"].items():
            output.print_error(f"{module} says that it is pure: {' -> '.join(chain)}")


def says_pure(module: str) -> bool:
    """Whether the module's docstring says so."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return False
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text())) or ""
    return WORD in text
