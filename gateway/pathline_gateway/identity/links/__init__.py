"""Links that people and organisations make themselves: tokens, linkers, and by what right."""
