"""The project: settings, URLs, and the code that all apps use."""
