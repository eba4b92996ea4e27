"""A statement in each format, from one StatementDocument."""
