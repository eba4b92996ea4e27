"""Decides who may use the explorer, and whether their queries see names."""

import time
from dataclasses import dataclass

from accounts.models import User
from accounts.models.token_rights import SEE_NAMES
from accounts.shown import add_unnamed, opened_by_right
from explorer.schema.installation import keys
from ledger.db.rights.row_security import RowScope, read_bank, signed
from transactions.scope import may_explore_bank

LIFETIME = 300  # seconds; longer than a query, to allow for clock differences


@dataclass(frozen=True, slots=True)
class ExplorerReader:
    """A user whose queries read the whole bank, with or without names."""

    person: User
    sees_names: bool = False

    def token(self) -> str:
        """Returns a token that proves user and scope to the database for some minutes."""
        scope = RowScope.STAFF if self.sees_names else RowScope.BANK
        return signed(self.person.pk, scope, int(time.time()) + LIFETIME, keys()[0])

    @property
    def label(self) -> str:
        """The scope in the page's heading."""
        return "the whole bank" if self.sees_names else "the whole bank, without names"

    @property
    def name(self) -> str:
        """The scope in the history: bank or names."""
        return "names" if self.sees_names else "bank"

    def open(self) -> None:
        """Reports to the read log that the response shows other people's rows because of a
        permission, or depends on them, like an error or a duration. The rows of a query contain no
        ids of people, so the log lists nobody.
        """
        read_bank()
        opened_by_right()
        add_unnamed()


def reader_for(person: User) -> ExplorerReader | None:
    """Returns the explorer's user and scope, or None if the user may not use it."""
    return ExplorerReader(person, person.has_perm(SEE_NAMES)) if may_explore_bank(person) else None
