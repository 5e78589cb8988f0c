"""The HTTP/1.1 client that posts to webhooks, and which addresses it may connect to."""
