"""The backend of `DB_DRIVER=aws`: Ledger's backend on connections of AWS's driver
(docs/databases.md).

Nothing else imports this package, so the driver is loaded only if the setting is used.
"""
