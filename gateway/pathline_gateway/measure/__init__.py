"""Indicators over many hand-offs, and which figures of them may be released."""
