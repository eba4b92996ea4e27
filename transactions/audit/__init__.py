"""The audit, which checks that the books are consistent, and the seals of closed days."""
