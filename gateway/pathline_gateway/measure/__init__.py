"""What pathways show: the journey of one person as a trace, and figures about many."""
