"""Streams for integrators: who wants which events, and what each was given."""
