"""The audit, which proves the books from their rows, and the seals, which close days."""
