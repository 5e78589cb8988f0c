"""Validation errors in a publisher's words: which field, what is wrong, what to do; never the value."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9.\-]{0,63}", re.ASCII)
_MAX_ERRORS = 3


def explain_error(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """The path of the first failing field, such as `data.to.org`, and the first three mistakes in one line."""
    errors = error.errors(include_url=False, include_input=False)
    first, *further_errors = errors[:_MAX_ERRORS]
    parts = [
        _describe_error(first, model),
        *(f"{_error_path(other)}: {_describe_error(other, model)}" for other in further_errors),
    ]
    if len(errors) > _MAX_ERRORS:
        parts.append(f"and {len(errors) - _MAX_ERRORS} more")
    return _error_path(first), "; ".join(parts)


def _error_path(error: Any) -> str:
    """The field's path. A key that is no plain name is shown as `?`, since a person's number may stand there."""
    return ".".join(["data", *(field_name(part) for part in error["loc"])])


def field_name(part: int | str) -> str:
    """The name as a message may repeat it."""
    return str(part) if isinstance(part, int) or _FIELD_NAME.fullmatch(part) else "?"


def _describe_error(error: Any, model: type[BaseModel]) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return _describe_undeclared(error, model)
        case "union_tag_invalid":
            return f"must be one of {error['ctx']['expected_tags']}"
        case "json_invalid":
            return "is not JSON"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")


def _describe_undeclared(error: Any, model: type[BaseModel]) -> str:
    names = get_close_matches(str(error["loc"][-1]), model.model_fields) if len(error["loc"]) == 1 else []
    hint = f"; did you mean {names[0]}?" if names else ""
    return f"is not a field of this type{hint}"
