"""Account statements as files: numbered monthly statements, statements in bank formats, and the
page that checks statements.
"""
