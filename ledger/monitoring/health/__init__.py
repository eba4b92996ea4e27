"""The page Database of the admin: locks, slow statements and bloat of a server, as the web role may
read them. It shows no values of customers: statements have placeholders in place of these.
"""
