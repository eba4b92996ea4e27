"""Template tags of the cookbook's pages."""
