"""Code for outages: checks whether the database answers, finds the reason, and waits."""
