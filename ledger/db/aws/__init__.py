"""The database backend for `DB_DRIVER=aws`. It is Ledger's backend with the connections of AWS's
driver (docs/databases.md).

No other module imports this package, so the driver is loaded only if this setting is used.
"""
