"""One module for each file format of a statement. Each module writes a StatementDocument."""
