"""Server-sent events: open streams and what is written to them."""
