"""CloudEvents 1.0.2 on the wire: the JSON format, the Kafka binding and the HTTP binding.

Why not the CloudEvents SDK: it invents a missing `id` and `time`. It also reads a structured Kafka message as binary
where that carries `ce_` headers. The tests use the SDK as an oracle.
"""
