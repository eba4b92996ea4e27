"""Notes, tags and categories that owners write about their payments."""
