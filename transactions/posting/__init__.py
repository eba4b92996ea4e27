"""The only code that changes balances and holds: by `post`, `post_one` and `release`.

A batch passes through `drafts` (what the caller wants, made exact), `locked_accounts`, `checks`,
`insert` and, where the database refuses, `refusals`; `engine` drives them. Pages never call this
package: they call `transactions.services`, which owns the database transaction.
"""

from transactions.posting.drafts import Draft, PreparedDraft, prepare
from transactions.posting.engine import post, post_one, release, release_locked

__all__ = ["Draft", "PreparedDraft", "post", "post_one", "prepare", "release", "release_locked"]
