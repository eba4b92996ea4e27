"""The formats of days on pages and in forms, in place of those of Django (FORMAT_MODULE_PATH)."""
