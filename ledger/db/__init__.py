"""PostgreSQL: the embedded server, the backend, retry, triggers and roles. Knows no money."""
