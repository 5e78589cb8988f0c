"""What one process of a deployment does at a time, and which of them does it."""
