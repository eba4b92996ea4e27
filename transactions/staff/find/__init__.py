"""The search of the admin over people, accounts and payments."""
