"""The vocabulary as JSON Schema 2020-12, one file a type, for writers in any language; and the AsyncAPI document.

For readers, in the folder `notice_files`: what the gateway itself tells subscribers, each as the whole event.

    python -m pathline.schema --write contracts/schemas
    python -m pathline.schema --check contracts/schemas

What a schema cannot say, the model adds: days that no calendar has, conditions nested deeper than 32, `1.0` for `1`. A
rule has at most 64 leaves, of steps that the vocabulary has.
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
SCHEMAS_FOLDER: Final = Path("contracts/schemas")
"""Where the schemas are committed, seen from the root of the repository."""
ASYNCAPI_FILE: Final = "asyncapi.json"
"""The AsyncAPI document, beside that folder."""
NOTICES_FOLDER: Final = "told"
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


def notice_schemas() -> dict[str, dict[str, Any]]:
    """The closed schema of each event that the gateway itself tells; its `$id` is `urn:pathline:schema:told:<type>`."""
    schema_by_type = {
        name: cls.model_json_schema(by_alias=True, schema_generator=_Plain) for name, cls in NOTICES.items()
    }
    identity_by_type = {
        name: {"$id": f"urn:pathline:schema:{NOTICES_FOLDER}:{name}", "title": NOTICES[name].title}
        for name in schema_by_type
    }
    return {name: {**schema, "$schema": DIALECT, **identity_by_type[name]} for name, schema in schema_by_type.items()}


def write_schemas(folder: Path) -> None:
    """The folder holds the schema of every type, and no other; the AsyncAPI document stands beside it."""
    (folder / NOTICES_FOLDER).mkdir(parents=True, exist_ok=True)
    files = _render_files()
    for name in _existing_names(folder) - files.keys():
        (folder / name).unlink()
    for name, text in files.items():
        _path_of(folder, name).write_text(text, encoding="utf-8")


def find_drift(folder: Path) -> list[str]:
    """One line for each file that is not as `write_schemas` would leave it; empty when nothing has drifted."""
    files = _render_files()
    names = sorted(files.keys() | _existing_names(folder))
    path_by_name = {name: _path_of(folder, name) for name in names}
    return [
        f"{path}: {fault}" for name, path in path_by_name.items() if (fault := _compare_file(path, files.get(name)))
    ]


def _path_of(folder: Path, name: str) -> Path:
    return (folder.parent if name == ASYNCAPI_FILE else folder) / name


def _compare_file(path: Path, expected: str | None) -> str | None:
    if expected is None:
        return "no type has this schema"
    if not path.exists():
        return "is missing"
    return None if path.read_text(encoding="utf-8") == expected else "differs from the vocabulary"


def _render_files() -> dict[str, str]:
    type_schemas = schemas()
    document = json.dumps(asyncapi.document(type_schemas), indent=1, ensure_ascii=False) + "\n"
    notice_files = {f"{NOTICES_FOLDER}/{name}.json": _to_json(schema) for name, schema in notice_schemas().items()}
    return (
        {f"{name}.json": _to_json(schema) for name, schema in type_schemas.items()}
        | notice_files
        | {ASYNCAPI_FILE: document}
    )


def _to_json(schema: dict[str, Any]) -> str:
    return json.dumps(_sort_required(schema), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _sort_required(schema: Any) -> Any:
    match schema:
        case dict():
            return {key: sorted(value) if key == "required" else _sort_required(value) for key, value in schema.items()}
        case list():
            return [_sort_required(part) for part in schema]
        case _:
            return schema


def _existing_names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.json")}


def main(arguments: Sequence[str] | None = None) -> int:
    """The schemas are written, or the exit code says whether they have drifted."""
    description = "JSON Schemas of the vocabulary, and its AsyncAPI document"
    parser = argparse.ArgumentParser(prog="python -m pathline.schema", description=description)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--write", type=Path, nargs="?", const=SCHEMAS_FOLDER, metavar="FOLDER", help="write every schema"
    )
    action.add_argument(
        "--check", type=Path, nargs="?", const=SCHEMAS_FOLDER, metavar="FOLDER", help="list what has drifted"
    )
    options = parser.parse_args(arguments)
    if options.write is not None:
        write_schemas(options.write)
        return 0
    faults = find_drift(options.check)
    print("\n".join(faults) or "no drift", file=sys.stderr if faults else sys.stdout)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
