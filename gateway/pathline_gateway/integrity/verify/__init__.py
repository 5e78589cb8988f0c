"""Recomputes what is served from what is stored, another way than intake and pulls, and says where they differ."""
