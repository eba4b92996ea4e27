"""The embedded server and its standby. A bank without DATABASE_URL or DB_NAME uses it.

Production imports nothing from this package: the settings name it as the ENGINE of the database,
and other code uses `ledger.db.server.embedded.embedded_server`.
"""
