"""A person handed from one service to another: what state that is in, and who has shown the token."""
