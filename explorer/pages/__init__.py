"""The pages of the SQL explorer: the editor with its result, files with the rows of a result, and
the history of queries.
"""
