"""Builds what is derived from the interactions again, beside what is live, and switches when it is known to differ."""
