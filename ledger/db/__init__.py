"""The PostgreSQL layer: backend, retry, triggers and roles. It contains nothing about money."""
