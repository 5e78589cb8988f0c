"""Postgres as the gateway needs it: connections, migrations, partitions, the change log."""
