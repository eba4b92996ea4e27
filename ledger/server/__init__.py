"""The web server that `make run` starts, with its settings and the static files."""
