"""Who calls: tokens and their keys, sessions, sign-in, and which role may call which route."""
