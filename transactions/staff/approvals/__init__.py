"""Four eyes: requests that wait for another person, the decision, and the action after it."""
