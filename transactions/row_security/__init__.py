"""Row-level security: what a statement of the web role sees of accounts and payments."""
