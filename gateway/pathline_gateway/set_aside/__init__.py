"""What a background work cannot compute is set aside, and the work goes on: kept, counted, shown, tried again."""
