"""The page of one payment, with its sender and recipient, its timeline and the reader's note."""
