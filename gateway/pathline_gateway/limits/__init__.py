"""How much of the gateway one caller may use: every limit in one table, its refusal, its document, and who holds it."""
