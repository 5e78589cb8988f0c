"""Kafka as the gateway needs it: clients, positions, the identity of a log, and how far all is applied."""
