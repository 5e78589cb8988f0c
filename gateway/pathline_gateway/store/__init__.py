"""The only SQL. One module a table family."""
