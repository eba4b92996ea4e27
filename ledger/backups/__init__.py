"""A whole bank as one file, and back: by pg_dump and pg_restore, or as a fixture of Django."""
