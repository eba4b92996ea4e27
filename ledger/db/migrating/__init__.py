"""Code for migrations: faster states, steps after `migrate`, and which migrations may be undone."""
