"""The register of organisations: who may publish, and what changed in it."""
