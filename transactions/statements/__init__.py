"""The statement of an account: its entries by day, as a page, on paper and as CSV."""
