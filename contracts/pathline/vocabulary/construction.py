"""A payload that is made with a mistake is refused in Pathline's words: field, mistake and remedy."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from pathline.errors import InvalidData
from pathline.explain import explain_error

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as ExplainedConstruction
else:

    class ExplainedConstruction(type(BaseModel)):
        """Calling the class raises InvalidData; `model_validate` and its like raise what pydantic raises."""

        def __call__(cls, *arguments: Any, **fields: Any) -> Any:
            """A new value. Raises InvalidData, which repeats no value."""
            try:
                return super().__call__(*arguments, **fields)
            except ValidationError as error:
                field, detail = explain_error(error, cls)
                raise InvalidData(detail, field=field) from None


__all__ = ["ExplainedConstruction"]
