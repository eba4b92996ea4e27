"""The admin's one search: people, accounts, payments."""
