"""Date formats for pages and forms, which replace Django's formats (FORMAT_MODULE_PATH)."""
