"""Migrating: faster states, what follows `migrate`, and which migrations may be taken back."""
