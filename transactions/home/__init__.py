"""The first page that a customer sees."""
