"""The web server that `make run` starts, its settings and the static files."""
