"""Row-level security, which limits the accounts and payments that the web role can read."""
