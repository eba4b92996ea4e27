"""The formats that forms read, in place of those of Django (FORMAT_MODULE_PATH)."""
