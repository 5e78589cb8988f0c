"""Background works: their loop, their health, and what is at fault when one fails."""
