"""Which subjects are one person's: evidence in, pathways out."""
