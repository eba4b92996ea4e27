"""Date formats for pages and forms. They replace Django's formats (FORMAT_MODULE_PATH)."""
