"""The only code that posts rows and ends holds; the triggers of the tables then move the balances.

A batch passes through `drafts` (what the caller wants, made exact), `locked_accounts`, `checks`,
`insert` and, if the database refuses it, `refusals`; `engine` drives them. `single_statement` posts
a plain payment alone. Pages never call this package: they call `transactions.services`, which owns
the database transaction.
"""

from transactions.posting.drafts import Draft, PreparedDraft, prepare
from transactions.posting.engine import post, post_one, release, release_locked

__all__ = ["Draft", "PreparedDraft", "post", "post_one", "prepare", "release", "release_locked"]
