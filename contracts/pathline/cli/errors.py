"""Why a command stops: one class a cause, each with its exit code. Messages name files, columns and lines only."""

from __future__ import annotations

from typing import ClassVar

from pathline.errors import PathlineError


class CommandError(PathlineError):
    """The command cannot go on."""

    reason = "stopped"
    exit_code: ClassVar[int] = 2


class WrongMapping(CommandError):
    """The flags or the mapping file do not fit each other, the contract or the source."""

    reason = "wrong-mapping"


class WrongKeyFile(CommandError):
    """The key file cannot be read, or must not be written."""

    reason = "wrong-key-file"


class WrongEntryFile(CommandError):
    """The register entry cannot be written where it was asked for."""

    reason = "wrong-entry-file"


class DamagedSource(CommandError):
    """The source cannot be read to its end."""

    reason = "damaged-source"


class CannotResume(CommandError):
    """The import that was begun is not the one that the flags name now."""

    reason = "cannot-resume"


class AccessDenied(CommandError):
    """The gateway answered, and not with a receipt; trying again will not help."""

    reason = "turned-away"


class Unreachable(CommandError):
    """The gateway did not answer, or said "later" for longer than the caller would wait."""

    reason = "unreachable"
    exit_code = 3
