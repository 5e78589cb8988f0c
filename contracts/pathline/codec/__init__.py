"""CloudEvents 1.0.2 on the wire: the JSON format, the Kafka binding and the HTTP binding.

Written here and not by the CloudEvents SDK, which invents a missing `id` and `time` and reads a structured Kafka
message that also carries `ce_` headers as binary; the SDK is an oracle in the tests.
"""
