"""Evidence that waits for a person: cases, decisions and their undoing."""
