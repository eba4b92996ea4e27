"""The only code that inserts transactions and ends holds. Database triggers then change the
balances.

`engine` posts a batch in four steps: `drafts` validates the caller's values, `locked_accounts`
locks the accounts, `checks` checks the drafts, and `insert` writes the rows. `refusals` finds the
message if the database refuses a row. `single_statement` posts one plain payment.

Pages never call this package. They call `transactions.services`, which opens the database
transaction.
"""

from transactions.posting.drafts import Draft, PreparedDraft, prepare
from transactions.posting.engine import post, post_one, release, release_locked

__all__ = ["Draft", "PreparedDraft", "post", "post_one", "prepare", "release", "release_locked"]
