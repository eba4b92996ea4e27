"""The Dockerfile and the Compose files."""
