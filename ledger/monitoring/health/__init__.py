"""The page Database of the admin: locks, slow statements and bloat of a server.

It shows what the web role may read. It does not show customer data: in statements, placeholders
replace the values.
"""
