"""What nobody else may know, for somebody's safety: the register of it, and what follows for a step."""
