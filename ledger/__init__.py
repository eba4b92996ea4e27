"""The project itself: settings, URLs, and the code that all apps use."""
