"""What a request says is text that Postgres keeps, or refused, whatever route it is for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.web import problem
from pathline_gateway.web.patterns import require_storable_request

APP = FastAPI(dependencies=[Depends(require_storable_request)])
APP.add_exception_handler(problem.Problem, problem.on_problem)


@APP.post("/of/{name}")
async def _of(name: str, wanted: dict[str, Any], q: str = "") -> dict[str, Any]:
    return {"name": name}


def ask(body: bytes, name: str = "a", q: str = "") -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://here") as http:
            return await http.post(f"/of/{name}?{q}", content=body, headers={"content-type": "application/json"})

    return asyncio.run(asked())


good = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
bad = st.sampled_from(["\0", "a\0", "\ud800", "x\udfff", float("nan"), float("inf"), float("-inf")])


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(good, inner, max_size=3), max_leaves=6
    )


@given(st.dictionaries(good, nested(good | numbers), max_size=3))
def test_what_can_be_kept_passes(said: dict[str, Any]) -> None:
    assert ask(json.dumps(said).encode()).status_code == 200


@given(st.data(), bad, nested(good | numbers), st.booleans())
def test_what_cannot_be_kept_is_refused_wherever_it_stands(
    data: st.DataObject, wrong: Any, beside: Any, key: bool
) -> None:
    inner: Any = {wrong: 1} if key and isinstance(wrong, str) else wrong
    for _ in range(data.draw(st.integers(0, 40))):
        inner = data.draw(st.sampled_from([{"a": inner, "b": beside}, [beside, inner]]))
    answer = ask(json.dumps({"x": inner}).encode())
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:pathline:problem:invalid-request"
    assert "\\u0000" not in answer.text


@pytest.mark.parametrize(
    ("name", "q", "field"), [("a%00", "", "path.name"), ("a", "q=%00", "query.q"), ("a", "%00=1", "query.?")]
)
def test_a_path_and_a_query_are_looked_at_too(name: str, q: str, field: str) -> None:
    answer = ask(b"{}", name, q)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    assert ask(rb'{"x": "\\u0000"}').status_code == 200
