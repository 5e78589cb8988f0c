"""Whether Postgres and the broker answer: asked all the time, by connections of its own, within time limits."""
