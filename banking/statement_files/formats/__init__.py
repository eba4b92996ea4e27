"""A statement in each format, made from one StatementDocument."""
