"""Migrating: faster states, what follows `migrate`, and the migrations that may be reversed."""
