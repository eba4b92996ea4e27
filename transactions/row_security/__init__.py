"""Row-level security: limits which accounts and payments an SQL statement of the web role
can read.
"""
