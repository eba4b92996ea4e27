"""The only code that posts rows and ends holds; the triggers of the tables then change the
balances.

A batch passes through `drafts` (validates the caller's values), `locked_accounts`, `checks`,
`insert` and, if the database refuses it, `refusals`; `engine` calls them in this order.
`single_statement` posts one plain payment. Pages never call this package: they call
`transactions.services`, which opens the database transaction.
"""

from transactions.posting.drafts import Draft, PreparedDraft, prepare
from transactions.posting.engine import post, post_one, release, release_locked

__all__ = ["Draft", "PreparedDraft", "post", "post_one", "prepare", "release", "release_locked"]
