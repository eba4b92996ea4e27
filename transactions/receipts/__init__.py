"""The page of one payment, with its sides, its timeline and its note."""
