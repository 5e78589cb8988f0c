"""Problems about pathways: there is none of this name, or of this subject."""

from __future__ import annotations

from pathline_gateway.web.problem import Problem

_NO_SUCH_SUBJECT = "no interaction was ever published under this subject, or it is not yet applied"


def subject_not_found() -> Problem:
    """The same for a subject that nobody knows and for one that the reader may not know."""
    return Problem(404, "no-such-pathway", _NO_SUCH_SUBJECT)


def pathway_not_found() -> Problem:
    """The same for an id that was never given and for one that was given to another reader."""
    return Problem(404, "no-such-pathway", "there is no pathway with this id")
