"""What `make run` starts: the web server, its settings and the static files."""
