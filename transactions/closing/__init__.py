"""A customer closes one of their accounts."""
