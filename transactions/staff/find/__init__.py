"""The search for people, accounts and payments in the admin."""
