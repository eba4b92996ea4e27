"""Notes and tags that owners write about their payments."""
