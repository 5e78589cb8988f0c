"""What an agency has: CSV, NDJSON and XES, read as a stream of flat records; and files of ready CloudEvents."""
