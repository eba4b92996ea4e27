"""PostgreSQL: the backend, retry, triggers and roles. Knows no money."""
