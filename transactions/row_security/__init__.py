"""Row-level security: limits which accounts and payments a statement of the web role can read."""
