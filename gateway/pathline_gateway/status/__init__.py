"""How much is stored and how far the work has come: `/v1/status`."""
