"""The models say what the vocabulary's document says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import pathline.vocabulary as vocabulary
from contracts.document import SHAPES, Verb, verbs
from contracts.mistakes import LINK, MISTAKES, OFFER
from contracts.notation import members, spelled
from pathline.errors import InvalidData
from pathline.schema import payload_schema
from pathline.vocabulary import TYPES, NeedExpressed, OfferPublished, Payload
from pathline.vocabulary.strict_model import StrictModel
from support.generators.payloads import complete, nested, payload, vocabulary_payloads
from support.repository import LIVES

DOCUMENTED = pytest.mark.parametrize("spec", verbs(), ids=lambda spec: f"{spec.noun}.{spec.verb}")
MEND = "models and tests/contracts/document.py differ: compare the lines of the noun, of COMMON and of SHAPES"
TYPED = pytest.mark.parametrize("cls", TYPES.values(), ids=TYPES.keys())


def named(spec: Verb) -> type[Payload]:
    return TYPES[f"org.pathline.{spec.noun}.{spec.verb}.v1"]


def refusals(type: str, data: Any) -> list[tuple[str, str]]:
    """Where a payload is refused, and the stable type of each error; nothing when it is accepted."""
    try:
        TYPES[f"org.pathline.{type}.v1"].model_validate_json(json.dumps(data))
    except ValidationError as refused:
        return [(".".join(map(str, error["loc"])), error["type"]) for error in refused.errors()]
    return []


def error_messages(cls: type[Payload], data: Any) -> str:
    """The messages of all errors."""
    try:
        cls.model_validate_json(json.dumps(data))
    except ValidationError as refused:
        return "\n".join(error["msg"] for error in refused.errors())
    return ""


def models(cls: type[BaseModel] = StrictModel) -> Iterator[type[BaseModel]]:
    for child in cls.__subclasses__():
        if child.__module__.startswith("pathline.vocabulary"):
            yield child
            yield from models(child)


MODELS = list(dict.fromkeys(models()))


def test_every_noun_has_exactly_its_verbs() -> None:
    assert {(spec.noun, spec.verb) for spec in verbs()} == {(cls.noun, cls.verb) for cls in TYPES.values()}
    assert len(verbs()) == len(TYPES)


@DOCUMENTED
def test_a_verb_allows_exactly_its_fields(spec: Verb) -> None:
    schema = payload_schema(named(spec))
    found = {name: spelled(field, schema.get("$defs", {})) for name, field in schema["properties"].items()}
    assert found == spec.fields, MEND


@DOCUMENTED
def test_a_verb_requires_exactly_its_fields(spec: Verb) -> None:
    assert set(payload_schema(named(spec)).get("required", [])) == spec.required, MEND


@DOCUMENTED
def test_nothing_but_the_required_fields_is_missed_in_an_empty_payload(spec: Verb) -> None:
    errors = refusals(f"{spec.noun}.{spec.verb}", {})
    assert sorted(errors) == [(name, "missing") for name in sorted(spec.required)]


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_exactly_its_members(name: str) -> None:
    shapes = {key: shape for cls in TYPES.values() for key, shape in payload_schema(cls).get("$defs", {}).items()}
    assert members(shapes[name], shapes) == SHAPES[name], MEND


@TYPED
def test_a_class_is_named_for_its_noun_and_verb_and_exported(cls: type[Payload]) -> None:
    assert cls.__name__ == cls.noun.capitalize() + cls.verb.capitalize()
    assert cls.type == f"org.pathline.{cls.noun}.{cls.verb}.v1"
    assert cls.title.replace("-", "").lower() == f"{cls.noun} {cls.verb}"
    assert getattr(vocabulary, cls.__name__) is cls
    assert cls.__name__ in vocabulary.__all__


def test_titles_are_plain_english() -> None:
    titles = {cls.title for cls in TYPES.values()}
    assert {"Need expressed", "Hand-off offered", "Co-production contributed"} <= titles


def test_an_offer_keeps_its_own_title_beside_that_of_its_class() -> None:
    offer = OfferPublished(offer="o1", title="Forklift course", needs=("employment",))
    assert (offer.title, OfferPublished.title) == ("Forklift course", "Offer published")


def test_a_type_is_defined_once() -> None:
    with pytest.raises(TypeError, match=r"org\.pathline\.need\.expressed\.v1 is already NeedExpressed"):
        type("Again", (Payload,), {"__module__": __name__}, noun="need", verb="expressed")


@pytest.mark.parametrize("model", MODELS, ids=[model.__name__ for model in MODELS])
def test_every_model_and_field_has_one_sentence_that_describes_it(model: type[BaseModel]) -> None:
    sentences = [model.__doc__.split("\n")[0] if model.__doc__ else None]
    sentences += [field.description for field in model.model_fields.values()]
    assert [sentence for sentence in sentences if not sentence or "\n" in sentence or sentence[-1] != "."] == []


@TYPED
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_a_payload_with_every_field_survives_being_written_and_read(cls: type[Payload], data: st.DataObject) -> None:
    sent = data.draw(complete(cls))
    read = cls.model_validate_json(json.dumps(sent))
    assert set(read.model_dump(exclude_none=True)) == set(sent)
    assert cls.model_validate_json(read.model_dump_json()) == read
    assert cls.model_validate_json(read.model_dump_json(exclude_none=True)) == read
    assert cls.model_validate(json.loads(read.model_dump_json())) == read
    assert cls.model_validate(read.model_dump()) == read


@given(vocabulary_payloads(), st.text(min_size=1))
def test_an_undeclared_field_is_refused(drawn: tuple[type[Payload], dict[str, Any]], name: str) -> None:
    cls, data = drawn
    extra = f"x-{name}"
    with pytest.raises(ValidationError) as refused:
        cls.model_validate_json(json.dumps({**data, extra: 1}))
    assert [(error["loc"], error["type"]) for error in refused.value.errors()] == [((extra,), "extra_forbidden")]


@given(vocabulary_payloads())
def test_no_error_repeats_a_value(drawn: tuple[type[Payload], dict[str, Any]]) -> None:
    cls, data = drawn
    secret = "Jane Citizen, 1 Main St"
    for name in data:
        for wrong in (secret, [secret], {"op": secret}, {"op": "all", "of": [{"op": secret}]}, f"\0{secret}"):
            assert "Jane" not in error_messages(cls, {**data, name: wrong})


@pytest.mark.parametrize(("type", "data", "errors"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_where_it_is(type: str, data: Any, errors: list[tuple[str, str]]) -> None:
    assert refusals(type, data) == errors


def test_a_condition_may_be_32_deep_and_more_is_advised_against() -> None:
    OfferPublished.model_validate_json(json.dumps({**OFFER, "eligibility": nested(32)}))
    with pytest.raises(ValidationError, match="Nest conditions at most 32 deep"):
        OfferPublished.model_validate_json(json.dumps({**OFFER, "eligibility": nested(33)}))


@pytest.mark.parametrize("depth", [150, 5_000])
def test_a_condition_of_absurd_depth_is_refused_and_harms_nobody(depth: int) -> None:
    deep = '{"op":"not","of":' * depth + '{"op":"exists","fact":"a"}' + "}" * depth
    with pytest.raises(ValidationError):
        OfferPublished.model_validate_json(json.dumps(OFFER)[:-1] + f', "eligibility": {deep}}}')


def test_an_integer_is_a_confidence() -> None:
    linked = TYPES["org.pathline.identity.linked.v1"].model_validate_json(json.dumps({**LINK, "confidence": 1}))
    assert linked.model_dump()["confidence"] == 1.0


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "1e400"])
def test_a_number_without_end_is_no_confidence(literal: str) -> None:
    data = json.dumps(LINK)[:-1] + f', "confidence": {literal}}}'
    with pytest.raises(ValidationError, match="finite"):
        TYPES["org.pathline.identity.linked.v1"].model_validate_json(data)


def test_an_instant_keeps_the_offset_it_was_sent_with() -> None:
    booked = vocabulary.AppointmentBooked.model_validate_json('{"appointment":"a","start":"2026-01-31T09:00:00+11:00"}')
    assert booked.start.utcoffset() == timedelta(hours=11)
    assert '"2026-01-31T09:00:00+11:00"' in booked.model_dump_json()


def test_python_values_are_taken_as_they_are() -> None:
    start = datetime(2026, 1, 31, 9, tzinfo=timezone(timedelta(hours=11)))
    assert vocabulary.AppointmentBooked(appointment="a", start=start).start is start
    with pytest.raises(InvalidData, match=r"data\.start: .*with its offset"):
        vocabulary.AppointmentBooked(appointment="a", start=start.replace(tzinfo=None))
    with pytest.raises(InvalidData, match=r"data\.effective: .*YYYY-MM-DD"):
        vocabulary.CircumstanceChanged(kind="income", effective=datetime.now(UTC))
    assert vocabulary.CircumstanceChanged(kind="income", effective=date(2026, 1, 31)).effective.day == 31


def test_a_payload_never_changes() -> None:
    need = NeedExpressed(need="n1", code="income", needs=("food",))
    with pytest.raises(ValidationError, match="frozen"):
        need.code = "food"
    assert isinstance(need.needs, tuple)
    assert hash(need) == hash(need.model_copy())


@given(payload(NeedExpressed))
def test_null_says_the_same_as_absence(sent: dict[str, Any]) -> None:
    present = {name: value for name, value in sent.items() if value is not None}
    read = NeedExpressed.model_validate_json(json.dumps(sent))
    assert read == NeedExpressed.model_validate_json(json.dumps(present))


@pytest.mark.parametrize("life", [place / "events.ndjson" for place in LIVES], ids=lambda path: path.parent.name)
def test_every_event_of_an_example_life_keeps_its_contract(life: Path) -> None:
    for event in map(json.loads, life.read_text(encoding="utf-8").splitlines()):
        read = TYPES[event["type"]].model_validate_json(json.dumps(event["data"]))
        assert json.loads(read.model_dump_json(exclude_none=True)) == event["data"]
