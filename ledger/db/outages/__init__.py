"""Code for outages: whether the database answers, why it fails, and waiting until it answers."""
