"""The first server version that has each feature which Ledger uses. The numbers have libpq's form:
17.2 is 170002.
"""

MEMBERSHIPS_HAVE_INHERIT = 160000
HAS_TRANSACTION_TIMEOUT = 170000
HAS_MAINTAIN = 170000
HAS_BUILTIN_LOCALE = 170000
