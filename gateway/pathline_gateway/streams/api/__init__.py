"""Subscriptions over HTTP: create, change, read, replay, explain."""
