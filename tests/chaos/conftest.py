"""The Postgres of intake's tests."""

from own_postgres import postgres

__all__ = ["postgres"]
