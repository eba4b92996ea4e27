"""Runs one query of the explorer. See Note [The wall] in `session`."""
