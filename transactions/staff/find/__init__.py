"""The search of the admin for people, accounts and payments."""
