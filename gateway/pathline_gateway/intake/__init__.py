"""From bytes to accepted interactions, or parked: Kafka in `kafka_consumer`, HTTP in `http_ingest`."""
