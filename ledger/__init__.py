"""The project: settings, addresses, and what every app builds on."""
