"""From bytes to accepted interactions, or parked: Kafka in `consume`, HTTP in `door`."""
