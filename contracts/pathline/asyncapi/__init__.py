"""The Kafka side as an AsyncAPI document: brokers, topics, records and what stands in them."""

from pathline.asyncapi.deployment import Deployment
from pathline.asyncapi.document import Json, document

__all__ = ["Deployment", "Json", "document"]
