"""Errors that say what to write, and never repeat what was written."""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class WithAdvice:
    """Whatever is wrong with the annotated value, the one error says what to write instead."""

    reason: str
    """The stable type of the error, fit for a metric label."""
    advice: str
    """One imperative sentence, free of braces and of the value itself."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), custom_error_type=self.reason, custom_error_message=self.advice
        )
