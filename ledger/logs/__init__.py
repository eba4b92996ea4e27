"""What each line of the log says of where it comes from, and what commands print as lines of it."""
