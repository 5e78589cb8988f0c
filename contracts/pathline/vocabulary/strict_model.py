"""The rule of every writer: what is not declared is refused."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A value that never changes, converts nothing and holds declared fields only."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
    )
