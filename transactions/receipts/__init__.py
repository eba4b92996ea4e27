"""The page of one payment: sender, recipient, timeline and the reader's note."""
