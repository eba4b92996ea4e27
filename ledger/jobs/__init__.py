"""Scheduled work: which jobs there are, when each is due and was last done, and who does it."""
