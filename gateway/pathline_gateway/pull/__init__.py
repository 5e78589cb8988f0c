"""A pathway and its trace over HTTP, for each kind of reader."""
