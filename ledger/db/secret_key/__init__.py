"""SECRET_KEY: the keys that are derived from it, and the re-encryption of secrets."""
