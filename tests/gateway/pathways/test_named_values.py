"""What data names is found in every type, wherever its models declare it, and nothing else is touched."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pathline.vocabulary import TYPES, Payload
from pathline_gateway.pathways.named_values import NamedValue, rename_values
from support.generators.payloads import vocabulary_payloads

NAMES = ("handoff", "about", "on_behalf", "subject", "org", "source", "id", "regarding", "because", "agent", "x")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


def unchanged(value: NamedValue) -> NamedValue:
    return value


def test_each_kind_of_field_is_found() -> None:
    found: list[NamedValue] = []

    def renamed(value: NamedValue) -> NamedValue:
        found.append(value)
        return value._replace(within=value.within.upper(), id=value.id.upper())

    data = {
        "handoff": "a:1", "about": [{"subject": "s", "role": "child"}], "on_behalf": {"subject": "t", "role": "child"},
        "agent": {"org": "o", "subject": "u"}, "mandate": "handoff", "reason": "a:1",
    }  # fmt: skip
    assert rename_values("org.pathline.mandate.given.v1", data, "own", renamed) == {
        "handoff": "A:1", "about": [{"subject": "S", "role": "child"}], "on_behalf": {"subject": "T", "role": "child"},
        "agent": {"org": "o", "subject": "U"}, "mandate": "handoff", "reason": "a:1",
    }  # fmt: skip
    assert [(each.kind, each.within) for each in found] == [
        ("handoff", ""), ("subject", "own"), ("subject", "own"), ("subject", "o")
    ]  # fmt: skip
    events = {"because": [{"source": "s", "id": "1"}, {"source": "t", "id": "a"}]}
    assert rename_values("org.pathline.change.made.v1", events, "own", renamed) == {
        "because": [{"source": "S", "id": "1"}, {"source": "T", "id": "A"}]
    }
    amended = {"source": "s", "id": "a", "replacement": {"data": {"regarding": {"source": "s", "id": "a"}}}}
    assert rename_values("org.pathline.interaction.corrected.v1", amended, "own", renamed) == amended | {
        "replacement": {"data": {"regarding": {"source": "S", "id": "A"}}}
    }


@given(vocabulary_payloads())
def test_data_in_which_nothing_has_another_name_stays_as_it_is(sent: tuple[type[Payload], Any]) -> None:
    model, data = sent
    assert rename_values(model.type, data, "own", unchanged) == data


@given(st.sampled_from(sorted(TYPES)), st.dictionaries(st.sampled_from(NAMES), json_values, max_size=4))
def test_data_that_keeps_no_contract_is_read_as_well(type_name: str, data: dict[str, Any]) -> None:
    assert rename_values(type_name, data, "own", unchanged) == data
    amended = {"replacement": {"data": data}}
    assert rename_values("org.pathline.interaction.corrected.v1", amended, "own", unchanged) == amended
