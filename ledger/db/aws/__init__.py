"""The backend of `DB_DRIVER=aws`: ours, with connections of AWS's driver (docs/databases.md).

Nothing else imports this room, so without the setting nothing of the driver is loaded.
"""
