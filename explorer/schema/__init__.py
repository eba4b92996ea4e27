"""The database views of the explorer: their content, rights and installation."""
