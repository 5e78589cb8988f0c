"""OpenTelemetry: each instrument by name, and where traces and metrics are exported."""
