"""A Kafka-protocol broker and a Postgres from wheels, for one machine: nothing to install, data in one directory."""

from .errors import (
    ChildFailed,
    DataDirectoryInUse,
    DataDirectoryNotWritable,
    DataDirectoryOfAnotherVersion,
    DirectoryNotReachable,
    EmbeddedError,
    EmbeddedPartMissing,
    PathTooLong,
    PortInUse,
)
from .machine import Machine, find_machine, run_machine

__all__ = [
    "ChildFailed",
    "DataDirectoryInUse",
    "DataDirectoryNotWritable",
    "DataDirectoryOfAnotherVersion",
    "DirectoryNotReachable",
    "EmbeddedError",
    "EmbeddedPartMissing",
    "Machine",
    "PathTooLong",
    "PortInUse",
    "find_machine",
    "run_machine",
]
