"""What a subscription wants: filters, cursors, and the index that events are looked up in."""
