"""The database backend for `DB_DRIVER=aws`. This backend opens its connections with AWS's driver
(docs/databases.md).

The backend is loaded only with this setting, because no other module imports this package.
"""
