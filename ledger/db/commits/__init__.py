"""Commits: the standbys that a COMMIT waits for, and whether a transaction was committed."""
