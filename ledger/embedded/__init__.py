"""The embedded server, and its standby: without DATABASE_URL or DB_NAME the bank is on it.

Production imports nothing of it: the settings name it as the ENGINE of the database, and other code
has it from `ledger.db.server.embedded.embedded_server`.
"""
