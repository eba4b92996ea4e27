"""Scheduled work: the jobs, when each is due and was last done, and which worker runs it."""
