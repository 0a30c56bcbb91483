"""Where galleries are kept: a folder with an SQLite file, or a PostgreSQL server."""
