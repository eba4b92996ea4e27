"""Each rule of the database refuses an attempt to break it."""
