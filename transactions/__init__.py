"""How money moves, and every page that shows it."""
