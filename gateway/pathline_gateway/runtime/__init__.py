"""Processes: what starts, in which order it stops, and the HTTP application."""
