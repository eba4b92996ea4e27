"""The customer's first page."""
