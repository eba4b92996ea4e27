"""The statement of an account: its entries by day, as a page, for printing and as a file."""
