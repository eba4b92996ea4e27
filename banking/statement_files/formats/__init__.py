"""One module for each file format of a statement. Each of them writes a StatementDocument."""
