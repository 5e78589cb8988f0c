"""What tests of every folder may ask for."""

from kafka_or_not import kafka_installation, pytest_terminal_summary

__all__ = ["kafka_installation", "pytest_terminal_summary"]
