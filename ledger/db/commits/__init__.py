"""Commits: which standbys a COMMIT waits for, and whether a transaction was committed."""
