"""Whether derived tables follow from the stored events, and how to rebuild them."""
