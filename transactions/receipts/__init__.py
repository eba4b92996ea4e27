"""The page of one payment: its sides, its timeline, its note."""
