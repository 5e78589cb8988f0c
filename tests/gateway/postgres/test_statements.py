"""Every statement in the gateway's modules is one that Postgres understands on the schema of this version."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import asyncpg

import pathline_gateway
from pathline_gateway.integrity.rebuild import shadow_schema

_IS_STATEMENT = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:select|insert into|update \w+|delete from|with \w+)\b")
_PARTS = {
    "handoffs.desk_repository": {"_OPEN_HANDOFFS", "_ENDED_HANDOFFS"},
    "handoffs.notice_repository": {"_OVERDUE_STAGE", "_UNION_TEMPLATE"},
    "handoffs.overview_repository": {
        "_CURRENT_HANDOFFS", "_ALL_HANDOFFS", "_SILENT_HANDOFFS", "_SUMMARY_BY_PAIR", "_ORGANISATIONS",
        "_SELECTED_HANDOFFS", "_COUNT_SILENT", "_MAYBE_CONCEALED_TEMPLATE",
    },
    "pathways.part_repository": {"_COLUMNS"},
    "streams.dispatch.delivered_repository": {"_COLUMNS"},
    "streams.subscriptions.repository": {"_OF_PAGE", "_OF_ENTRIES"},
    "visibility.consent_repository": {"EVENTS_OF_REFS"},
    "visibility.lawful_basis_repository": {"BASES_OF"},
    "visibility.policy_repository": {"EVENTS_OF_REFS", "BASES_OF"},
}  # fmt: skip
"""Constants that are no whole statements: others are made of them."""


def _strings(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(f"{name}[{key!r}]", each)


def _statements(module: ModuleType) -> Iterator[tuple[str, str]]:
    short = module.__name__.removeprefix("pathline_gateway.")
    for constant, value in vars(module).items():
        if constant.startswith("__") or constant in _PARTS.get(short, ()):
            continue
        for name, text in _strings(constant, value):
            if _IS_STATEMENT.match(text):
                yield f"{short}.{name}", text


def _all_statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for each in pkgutil.walk_packages(pathline_gateway.__path__, "pathline_gateway."):
        if not each.name.endswith("__main__"):
            found |= _statements(importlib.import_module(each.name))
    return found


async def _misunderstood(connection: asyncpg.Connection, statements: dict[str, str]) -> dict[str, str]:
    """What Postgres says of those that it cannot prepare."""
    wrong = {}
    for name, text in statements.items():
        try:
            await connection.prepare(text)
        except asyncpg.PostgresError as error:
            wrong[name] = str(error)
    return wrong


async def test_postgres_understands_every_statement(connection: asyncpg.Connection) -> None:
    await shadow_schema.prepare(connection)
    statements = _all_statements()
    assert len(statements) > 350
    assert await _misunderstood(connection, statements) == {}


async def test_a_column_that_is_no_more_is_found(connection: asyncpg.Connection) -> None:
    await shadow_schema.prepare(connection)
    await connection.execute("alter table membership rename column valid_until to until")
    wrong = await _misunderstood(connection, _all_statements())
    assert "pathways.repository._PATHWAY_OF_REF" in wrong
    assert len(wrong) > 5
