"""The database schema as plain SQL files, `NNNN_name.sql` in dbmate's format."""
