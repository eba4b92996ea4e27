"""Four eyes: what waits for another person, the decision, and the action after it."""
