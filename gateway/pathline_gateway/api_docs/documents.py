"""The OpenAPI and the AsyncAPI document of an application, and what its pages read in them: each made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated

from fastapi import Depends

from pathline.asyncapi import Json
from pathline_gateway.api_docs.event_types import Event, parse_events
from pathline_gateway.api_docs.operations import Operation, parse_operations
from pathline_gateway.web.context import service


class ApiDocuments:
    """Both documents, made when somebody asks."""

    def __init__(self, build_openapi: Callable[[], Json], build_asyncapi: Callable[[], Json]) -> None:
        self._build_openapi, self._build_asyncapi = build_openapi, build_asyncapi

    @cached_property
    def openapi(self) -> Json:
        """What can be asked over HTTP."""
        return self._build_openapi()

    @cached_property
    def asyncapi(self) -> Json:
        """What is published to Kafka."""
        return self._build_asyncapi()

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """The operations by their names in links."""
        return parse_operations(self.openapi)

    @cached_property
    def events(self) -> Mapping[str, Event]:
        """The types of events by name."""
        return parse_events(self.asyncapi)


Documents = Annotated[ApiDocuments, Depends(service(ApiDocuments))]
