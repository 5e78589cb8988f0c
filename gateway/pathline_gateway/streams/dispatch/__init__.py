"""Which subscription is given which event, and in which order it is numbered."""
