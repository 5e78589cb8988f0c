"""Subscriptions that write to a Kafka topic of their own: the topic, who may read it, and what is written there."""
