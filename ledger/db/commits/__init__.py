"""Code about commits: for which standbys a COMMIT waits, and whether a transaction was
committed.
"""
