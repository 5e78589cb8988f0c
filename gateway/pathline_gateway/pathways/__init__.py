"""Pure: an ordered set of interactions becomes a pathway."""
