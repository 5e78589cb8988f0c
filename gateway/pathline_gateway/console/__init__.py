"""Pages for people: what is flowing, one pathway as a timeline, one journey as a trace. Server-rendered."""
