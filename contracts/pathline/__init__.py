"""Pathline for agencies: typed interactions between citizens and services, as CloudEvents.

from pathline import Pseudonyms, interaction, publish
from pathline.vocabulary import NeedExpressed
"""

from pathline.cloudevent import CloudEvent
from pathline.errors import PathlineError, Refused
from pathline.interaction import Interaction, accept, interaction
from pathline.producer import Producer, publish, topic_of
from pathline.pseudonym import Pseudonyms

__all__ = [
    "CloudEvent",
    "Interaction",
    "PathlineError",
    "Producer",
    "Pseudonyms",
    "Refused",
    "accept",
    "interaction",
    "publish",
    "topic_of",
]
