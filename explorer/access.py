"""Who may use the explorer, and whether their queries see names."""

import time
from dataclasses import dataclass

from accounts.models import User
from accounts.models.token_rights import SEE_NAMES
from accounts.shown import add_unnamed, opened_by_right
from explorer.schema.installation import keys
from ledger.db.rights.row_security import RowScope, read_bank, signed
from transactions.scope import may_explore_bank

LIFETIME = 300  # seconds of a token: longer than a query may run, with room for clocks that differ


@dataclass(frozen=True, slots=True)
class ExplorerReader:
    """A person whose queries read the whole bank, with names or without."""

    person: User
    sees_names: bool = False

    def token(self) -> str:
        """What proves both to the database, for some minutes."""
        scope = RowScope.STAFF if self.sees_names else RowScope.BANK
        return signed(self.person.pk, scope, int(time.time()) + LIFETIME, keys()[0])

    @property
    def label(self) -> str:
        """For the head of the page."""
        return "the whole bank" if self.sees_names else "the whole bank, without names"

    @property
    def name(self) -> str:
        """For the history: bank, or names."""
        return "names" if self.sees_names else "bank"

    def open(self) -> None:
        """Notes for the log of reads that the answer shows others' rows by right, or depends on
        them, as an error and its time do. The rows of a query name nobody by themselves, so nobody
        is named there.
        """
        read_bank()
        opened_by_right()
        add_unnamed()


def reader_for(person: User) -> ExplorerReader | None:
    """How this person uses the explorer; None if they may not."""
    return ExplorerReader(person, person.has_perm(SEE_NAMES)) if may_explore_bank(person) else None
