"""What an operator types, besides `up`: one module a noun."""
