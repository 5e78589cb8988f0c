"""Records that were refused: kept as they came, listed, replayed or discarded."""
