"""The project: settings, URLs, and code that all apps use."""
