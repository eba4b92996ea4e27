"""The web server of `make run`, with its settings and the static files."""
