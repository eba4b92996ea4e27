"""Template tags of the pages about transactions."""
