"""The vocabulary as JSON Schema 2020-12, one file a type, for writers in any language; and the AsyncAPI document.

For readers, in the folder `told`: what the gateway itself tells subscribers, each as the whole event.

    python -m pathline.schema --write contracts/schemas
    python -m pathline.schema --check contracts/schemas

What a schema cannot say, the model adds: days that no calendar has, conditions nested deeper than 32, `1.0` for `1`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pathline import asyncapi
from pathline.vocabulary import TYPES, Payload
from pathline.vocabulary.notices import NOTICES

DIALECT: Final = GenerateJsonSchema.schema_dialect
FOLDER: Final = Path("contracts/schemas")
"""Where the schemas are committed, seen from the root of the repository."""
DOCUMENT: Final = "asyncapi.json"
"""The AsyncAPI document, beside that folder."""
TOLD: Final = "told"
"""The folder of what the gateway itself tells, within that folder."""


class _Plain(GenerateJsonSchema):
    """Only keywords of the dialect, and none that repeats another."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])  # an absent field is absent; it is not null

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        union = super().tagged_union_schema(schema)
        union.pop("discriminator", None)  # OpenAPI's keyword: strict validators refuse to compile it
        return union

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        entries = super().dict_schema(schema)
        if "patternProperties" not in entries:
            return entries
        # pydantic leaves keys that miss the pattern open; a closed writer does not.
        [(pattern, value)] = entries.pop("patternProperties").items()
        names = {**entries.get("propertyNames", {}), "pattern": pattern}
        return {**entries, "propertyNames": names, "additionalProperties": value}


def payload_schema(cls: type[Payload]) -> dict[str, Any]:
    """The closed schema of a type's data; its `$id` is `urn:pathline:schema:<type>`."""
    schema = cls.model_json_schema(by_alias=True, schema_generator=_Plain)
    return {**schema, "$schema": DIALECT, "$id": f"urn:pathline:schema:{cls.type}", "title": cls.title}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of every type."""
    return {name: payload_schema(cls) for name, cls in TYPES.items()}


def notices() -> dict[str, dict[str, Any]]:
    """The closed schema of each event that the gateway itself tells; its `$id` is `urn:pathline:schema:told:<type>`."""
    found = {name: cls.model_json_schema(by_alias=True, schema_generator=_Plain) for name, cls in NOTICES.items()}
    named = {name: {"$id": f"urn:pathline:schema:{TOLD}:{name}", "title": NOTICES[name].title} for name in found}
    return {name: {**schema, "$schema": DIALECT, **named[name]} for name, schema in found.items()}


def write(folder: Path) -> None:
    """The folder holds the schema of every type, and no other; the AsyncAPI document stands beside it."""
    (folder / TOLD).mkdir(parents=True, exist_ok=True)
    files = _files()
    for name in _names(folder) - files.keys():
        (folder / name).unlink()
    for name, text in files.items():
        _place(folder, name).write_text(text, encoding="utf-8")


def drift(folder: Path) -> list[str]:
    """One line for each file that is not as `write` would leave it; empty when nothing has drifted."""
    files = _files()
    names = sorted(files.keys() | _names(folder))
    places = {name: _place(folder, name) for name in names}
    return [f"{path}: {fault}" for name, path in places.items() if (fault := _fault(path, files.get(name)))]


def _place(folder: Path, name: str) -> Path:
    return (folder.parent if name == DOCUMENT else folder) / name


def _fault(path: Path, expected: str | None) -> str | None:
    if expected is None:
        return "no type has this schema"
    if not path.exists():
        return "is missing"
    return None if path.read_text(encoding="utf-8") == expected else "differs from the vocabulary"


def _files() -> dict[str, str]:
    known = schemas()
    document = json.dumps(asyncapi.document(known), indent=1, ensure_ascii=False) + "\n"
    told = {f"{TOLD}/{name}.json": _text(schema) for name, schema in notices().items()}
    return {f"{name}.json": _text(schema) for name, schema in known.items()} | told | {DOCUMENT: document}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(_ordered(schema), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _ordered(schema: Any) -> Any:
    match schema:
        case dict():
            return {key: sorted(value) if key == "required" else _ordered(value) for key, value in schema.items()}
        case list():
            return [_ordered(part) for part in schema]
        case _:
            return schema


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.json")}


def main(arguments: Sequence[str] | None = None) -> int:
    """The schemas are written, or the exit code says whether they have drifted."""
    said = "JSON Schemas of the vocabulary, and its AsyncAPI document"
    parser = argparse.ArgumentParser(prog="python -m pathline.schema", description=said)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", type=Path, nargs="?", const=FOLDER, metavar="FOLDER", help="write every schema")
    action.add_argument("--check", type=Path, nargs="?", const=FOLDER, metavar="FOLDER", help="list what has drifted")
    chosen = parser.parse_args(arguments)
    if chosen.write is not None:
        write(chosen.write)
        return 0
    faults = drift(chosen.check)
    print("\n".join(faults) or "no drift", file=sys.stderr if faults else sys.stdout)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
