"""Django's PostgreSQL backend. It starts the embedded server if the bank uses one."""
