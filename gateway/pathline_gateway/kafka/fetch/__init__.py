"""What Kafka has, read within bounds: no batch costs more memory, time or rows than it should."""
