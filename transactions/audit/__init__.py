"""The audit, which proves that the books are consistent, and the seals of closed days."""
