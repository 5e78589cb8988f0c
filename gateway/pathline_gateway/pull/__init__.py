"""What a citizen or helper can ask."""
