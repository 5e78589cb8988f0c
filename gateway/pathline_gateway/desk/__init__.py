"""The desk: pages for an organisation that has no software of its own, and works with a browser alone."""
