"""Delivery to webhooks: workers, retries, rates and the state of each sink."""
