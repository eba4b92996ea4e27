"""The admin page "Database", which shows the locks, slow SQL statements and bloat of a server.

The page shows what the web role may read. The page shows no customer data, because placeholders
replace the values in SQL statements.
"""
