"""The pages of the SQL explorer: the editor with its result, files of rows, and the history."""
