"""From which version on a server can do what we use, in libpq's form: 17.2 is 170002."""

MEMBERSHIPS_KNOW_INHERIT = 160000
KNOWS_TRANSACTION_TIMEOUT = 170000
KNOWS_BUILTIN_LOCALE = 170000
