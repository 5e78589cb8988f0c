"""An organisation names its own readers alone, and no name leads to another's topic."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.kafka.topic_names import (
    WrongPrincipal,
    check_reader,
    position_group,
    topic_name,
    transactional_id,
)

CODE = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)


@given(CODE, st.none() | CODE)
def test_an_organisation_may_name_itself_and_readers_of_its_own(org: str, suffix: str | None) -> None:
    name = org if suffix is None else f"{org}.{suffix}"
    assert check_reader(org, name, "pathline-gateway") == name


@given(CODE, CODE, st.none() | CODE)
def test_no_two_organisations_may_name_one_reader(org: str, other: str, suffix: str | None) -> None:
    if org == other:
        return
    with pytest.raises(WrongPrincipal):
        check_reader(org, other if suffix is None else f"{other}.{suffix}", None)


@pytest.mark.parametrize(
    "name",
    ["*", "User:*", "food*", "food.", "food..a", "food.*", "food.a b", "food.A", "food-bank", "food.a.b", "Food",
     "food.a\n", "food.123456782", "food." + "a" * 200, ""],
)  # fmt: skip
def test_wildcards_others_and_numbers_of_persons_are_refused_without_repeating_them(name: str) -> None:
    with pytest.raises(WrongPrincipal) as refused:
        check_reader("food", name, None)
    assert not name or name in ("*",) or name not in str(refused.value)


@pytest.mark.parametrize(("org", "user"), [("gate", "gate"), ("pathline", None), ("citizen", None)])
def test_the_gateway_s_own_name_is_nobody_s(org: str, user: str | None) -> None:
    with pytest.raises(WrongPrincipal):
        check_reader(org, org, user)


@given(st.uuids(), st.uuids())
def test_names_are_the_subscription_s_alone(one: UUID, other: UUID) -> None:
    for name in (topic_name, position_group, transactional_id):
        assert (name(one) == name(other)) == (one == other)
        assert re.fullmatch(r"pathline\.[a-z]+\.[0-9a-f-]{36}", name(one))
    assert position_group(one) != topic_name(one)
