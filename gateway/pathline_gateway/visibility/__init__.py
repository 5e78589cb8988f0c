"""Who may see which step: consent, mandate, lawful basis, concealment and hand-offs."""
