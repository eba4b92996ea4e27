"""The first server versions with the features that Ledger uses. The numbers have libpq's form:
170002 is 17.2.
"""

MEMBERSHIPS_HAVE_INHERIT = 160000
HAS_TRANSACTION_TIMEOUT = 170000
HAS_MAINTAIN = 170000
HAS_BUILTIN_LOCALE = 170000
