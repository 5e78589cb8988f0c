"""The committed JSON Schemas and the models accept the same payloads."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from contracts.schema_oracle import anything, ecma_pattern, formats, model_accepts, mutated
from pathline.schema import find_drift, main, payload_schema, write_schemas
from pathline.vocabulary import TYPES, Payload
from pathline.vocabulary.notices import NOTICES
from support.generators.payloads import payload, vocabulary_payloads
from support.repository import ROOT

SCHEMAS = ROOT / "contracts/schemas"
TYPED = pytest.mark.parametrize("cls", TYPES.values(), ids=TYPES.keys())


@formats.checks("date-time", ValueError)
def _is_instant(value: object) -> bool:
    """RFC 3339's spelling is left to the pattern; here, that the day exists and that UTC can name the instant."""
    if isinstance(value, str) and re.match("[0-9]{4}-", value):
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", value.upper()))
        return moment.tzinfo is None or _in_utc(moment)
    return True


def _in_utc(moment: datetime) -> bool:
    try:
        return moment.astimezone(UTC) is not None
    except OverflowError:
        return False


@formats.checks("date", ValueError)
def _is_day(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


STRICT: type[Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": ecma_pattern}
)


@cache
def schema_of(cls: type[Payload]) -> Validator:
    return STRICT(payload_schema(cls), format_checker=formats)


def test_the_committed_schemas_are_those_of_the_vocabulary() -> None:
    assert find_drift(SCHEMAS) == [], "run: python -m pathline.schema --write contracts/schemas"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "schemas"


def test_drift_names_what_is_missing_different_or_too_much(folder: Path) -> None:
    write_schemas(folder)
    assert find_drift(folder) == []
    (folder.parent / "asyncapi.json").write_text("{}")
    (folder / "org.pathline.need.met.v1.json").unlink()
    (folder / "org.pathline.pull.answered.v1.json").write_text("{}")
    (folder / "org.pathline.wish.made.v1.json").write_text("{}")
    assert [line.rpartition("/")[2] for line in find_drift(folder)] == [
        "asyncapi.json: differs from the vocabulary",
        "org.pathline.need.met.v1.json: is missing",
        "org.pathline.pull.answered.v1.json: differs from the vocabulary",
        "org.pathline.wish.made.v1.json: no type has this schema",
    ]
    write_schemas(folder)
    assert find_drift(folder) == []


def test_the_command_writes_and_its_check_fails_on_drift(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(folder)]) == 1
    assert capsys.readouterr().err.count("is missing") == len(TYPES) + len(NOTICES) + 1
    assert main(["--write", str(folder)]) == 0
    assert main(["--check", str(folder)]) == 0
    assert capsys.readouterr().out == "no drift\n"


@TYPED
def test_a_schema_is_closed_valid_and_named(cls: type[Payload]) -> None:
    schema = payload_schema(cls)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:pathline:schema:{cls.type}"
    assert (schema["title"], schema["additionalProperties"]) == (cls.title, False)
    assert schema["description"]
    assert all(field["description"] for field in schema["properties"].values())
    assert all(shape["additionalProperties"] is False for shape in schema.get("$defs", {}).values() if shape)


@TYPED
def test_every_pattern_means_the_same_in_ecma_262(cls: type[Payload]) -> None:
    found = re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(payload_schema(cls)))
    for pattern in map(json.loads, (f'"{written}"' for written in found)):
        assert (pattern[0], pattern[-1]) == ("^", "$")
        assert not re.search(r"\(\?[^:]|\\[^.u]|[*+?}]\+", pattern), "only groups, classes and plain repetition"
        re.compile(pattern)


@given(vocabulary_payloads())
def test_the_schema_accepts_every_valid_payload(drawn: tuple[type[Payload], Any]) -> None:
    cls, data = drawn
    schema_of(cls).validate(data)
    cls.model_validate_json(json.dumps(data))


@given(mutated())
def test_the_schema_accepts_a_mutated_payload_exactly_when_the_model_does(drawn: tuple[type[Payload], Any]) -> None:
    cls, data = drawn
    assert schema_of(cls).is_valid(data) == model_accepts(cls, data)


@given(payload(TYPES["org.pathline.need.met.v1"]), anything)
def test_the_schema_and_the_model_agree_on_any_authority(data: dict[str, Any], instrument: Any) -> None:
    cls = TYPES["org.pathline.need.met.v1"]
    for basis in ("consent", "law", "serious-threat", "mandate"):
        claimed = {**data, "authority": {"basis": basis, "instrument": instrument}}
        assert schema_of(cls).is_valid(claimed) == model_accepts(cls, claimed)
