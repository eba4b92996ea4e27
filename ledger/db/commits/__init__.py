"""Code about commits: which standbys confirm a COMMIT, and whether a transaction was committed."""
