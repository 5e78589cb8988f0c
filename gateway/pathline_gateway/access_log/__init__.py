"""The access log: what each route leaves in it, and the row of the current request."""
