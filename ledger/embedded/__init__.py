"""The embedded server and its standby. A bank uses them if DATABASE_URL and DB_NAME are not set.

Code for production does not import this package. The settings contain the package as the ENGINE of
the database, and other code uses `ledger.db.server.embedded.embedded_server`.
"""
