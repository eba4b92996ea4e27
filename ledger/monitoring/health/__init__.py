"""The admin page "Database", which shows the locks, slow SQL statements and bloat of a server.

The page shows what the web role may read. It does not show customer data, because placeholders
replace the values in SQL statements.
"""
