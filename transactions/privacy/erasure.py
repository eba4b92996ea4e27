"""Erases people who left the bank, after the retention period. The bank's records of payments do
not change.

Note [Erasure]: names, addresses, ways to sign in, sessions and notes are erased. Accounts and
transactions stay. They contain the id of the person, but the name is not stored anywhere. Seals
stay valid, because their digests cover only transactions.

The steps:

1. A first transaction replaces the person's email address by an address of DOMAIN, unless the
   sign-in was restored since the person was read. After that, services refuse to restore the
   sign-in. The history keeps the old address until step 5.
2. Texts that contain the person's name or address are found, without a lock.
3. The next transaction erases the texts in tables whose rows may change.
4. Short transactions erase the other texts in parts. For payment files, a part has few lines,
   because bookings from the same file wait for these lines. For tables whose rows otherwise never
   change, for example the history of accounts, see Note [Lifted triggers]. Each transaction locks
   its rows and checks the search condition again, because other sessions may have changed the rows.
5. Another short transaction erases the name and the history of the name.
6. The search is repeated until it finds nothing, because texts may have been written after step 2.

If one of the steps 1 to 4 fails, the person is not yet erased, and the next run starts from the
beginning.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Exists,
    F,
    Func,
    JSONField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Cast

from accounts.erased import DOMAIN, HOUSEHOLD_NAME, NAME, NAMING
from accounts.models import (
    Account,
    Change,
    Household,
    User,
)
from accounts.models.revisions import note_removal, noting_rows
from accounts.sign_in import token_ends
from ledger.db.history.register import ERASES
from ledger.db.local_settings import set_locally
from ledger.db.locking.short_waits import with_short_waits
from transactions.privacy.admin_log import erase_from_the_log_of_households, texts_of_the_log
from transactions.privacy.lifting import (
    change_in_parts,
    erase_person,
    lifted,
    triggers_lifted,
)
from transactions.privacy.personal_data import REGISTERED
from transactions.privacy.traces import Erased, Traces, households_of, traces_of

PART = 5000  # rows per SQL statement
# Rows per part of a model in `locked_first`, because other sessions wait for the locked rows.
FEW = 100
SEARCHES = 5  # max. number of searches for texts that were written in the meantime
WHY = "A person was erased"
WITHOUT_NAMES: dict[str, Any] = {
    "reason": "",
    **{
        side: Func(
            F(side), Value(list(NAMING), ArrayField(TextField())), template="(%(expressions)s)",
            arg_joiner=" - ", output_field=JSONField(),
        )
        for side in ("before", "after")
    },
}  # fmt: skip


def due_before(moment: datetime) -> QuerySet[User]:
    """Returns people who left the bank before this moment, have no open account, and are not erased
    yet.

    A person is also returned if the history contains an old address of the person. The name of a
    person does not show whether the person is erased, because anybody can choose the name that
    erased people have.
    """
    is_open = Account.objects.filter(user=OuterRef("pk")).exclude(status=Account.Status.CLOSED)
    about = Cast(OuterRef("pk"), TextField())
    addresses = Change.objects.filter(table_name="users", about=about, before__has_key="email")
    is_erased = Q(~Exists(addresses), email__endswith=f"@{DOMAIN}", name=NAME)
    left = User.objects.filter(~is_erased, ~Exists(is_open), deleted_at__lt=moment)
    due: QuerySet[User] = left.order_by("deleted_at", "pk")
    return due


class Found(NamedTuple):
    """The rows and new values of an `Erased`. `ids` are the primary keys of the rows that the
    search found.
    """

    rows: QuerySet[Any]
    ids: list[Any]
    values: dict[str, Any] | None

    @property
    def table(self) -> str:
        return str(self.rows.model._meta.db_table)

    @property
    def never_changes(self) -> bool:
        """Whether only an erasure may change rows of the table. Such a table has triggers that the
        erasure must disable.
        """
        return self.table in lifted()

    @property
    def locks_others(self) -> bool:
        """Whether rows of other tables must be locked before these rows."""
        return self.rows.model in _locked_first()

    @property
    def is_erased_apart(self) -> bool:
        """Whether `erase` opens a database transaction for each part of the rows."""
        return self.never_changes or self.locks_others

    def parts(self, most: int) -> Iterator[list[Any]]:
        for start in range(0, len(self.ids), most):
            yield self.ids[start : start + most]

    def erase(self) -> None:
        if self.never_changes:
            change_in_parts(self.table, self.ids, self._erase_part)
        elif self.locks_others:
            for part in self.parts(FEW):
                with_short_waits(partial(self._erase_part, part))
        else:
            for part in self.parts(PART):
                self._erase_part(part)

    def _erase_part(self, ids: Sequence[Any]) -> None:
        """Erases the rows with these ids. Skips rows that no longer match the search condition."""
        _lock(self.rows.model, ids)
        rows = self.rows.filter(pk__in=ids)
        set_locally(**{ERASES: WHY})
        if self.values is None:
            _delete(rows)
        else:
            with noting_rows(self.rows.model, ids, WHY):
                rows.update(**self.values)
        set_locally(**{ERASES: ""})


def _locked_first() -> dict[type[Model], Callable[[QuerySet[Any]], QuerySet[Any]]]:
    return {model: rows for data in REGISTERED for model, rows in data.locked_first.items()}


def _lock(model: type[Model], ids: Sequence[Any]) -> None:
    """Locks the rows with these ids until the transaction ends. If the model is in `locked_first`,
    first locks rows of other tables.
    """
    rows = model._default_manager.filter(pk__in=ids)
    if others := _locked_first().get(model):
        list(others(rows).select_for_update(no_key=True).order_by("pk").values_list("pk"))
    list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def erase(person: User) -> bool:
    """Erases all texts that contain the person's name or address. Returns False and erases nothing
    if the sign-in was restored since `person` was read. Only the table owner and the worker may
    call this function.

    Raises StorageFailed if S3 did not delete the person's attachments. In this case only the email
    address in the person's row is erased.
    """
    if not with_short_waits(partial(_begin, person)):
        return False
    traces = traces_of(person)
    _delete_outside(person)
    found = _search(traces)
    with_short_waits(partial(_erase_what_may_change, person, found))
    _erase_in_parts([*_history_of_accounts(traces), *found])
    with_short_waits(partial(_erase_for_good, traces))
    for _ in range(SEARCHES):
        written_since = _search(traces)
        if not written_since:
            break
        with_short_waits(partial(_erase_found, written_since))
        _erase_in_parts(written_since)
    return True


def _begin(person: User) -> bool:
    """Replaces the email address in the person's row. Returns False if the sign-in was restored
    since `person` was read, even if the sign-in was closed again.
    """
    rows = User.objects.select_for_update().filter(pk=person.pk, deleted_at=person.deleted_at)
    unchanged: User | None = rows.first()
    if unchanged is None:
        return False
    return erase_person(unchanged.pk)


def _delete_outside(person: User) -> None:
    for data in REGISTERED:
        data.delete_outside(person)


def all_texts(traces: Traces) -> Iterator[Erased]:
    """Yields, for every table, the texts that contain the person's name or address."""
    yield texts_of_the_log(traces)
    for data in REGISTERED:
        yield from data.texts(traces)


def _search(traces: Traces) -> list[Found]:
    """Returns the rows of `all_texts` that are not erased yet. Locks nothing."""
    found = (
        Found(rows, list(rows.values_list("pk", flat=True)), values)
        for rows, values in all_texts(traces)
    )
    return [each for each in found if each.ids]


def _erase_found(found: Iterable[Found]) -> None:
    """Erases the texts that need no separate database transaction. The caller must open a
    transaction.
    """
    for each in found:
        if not each.is_erased_apart:
            each.erase()


def _erase_in_parts(found: Iterable[Found]) -> None:
    """Erases the texts whose parts need separate database transactions."""
    for each in found:
        if each.is_erased_apart:
            each.erase()


def _delete_own(person: User) -> None:
    """Deletes the person's rows from tables whose rows may change."""
    token_ends.revoke_all(person, "sign_in_closed")  # a token that still works cannot be deleted
    for data in REGISTERED:
        for rows in data.rows(person):
            _delete(rows)


def _delete(rows: QuerySet[Any]) -> None:
    note_removal(rows.model, f"{WHY}.", ids=rows.values_list("pk", flat=True))
    rows.delete()


def _erase_what_may_change(person: User, found: Sequence[Found]) -> None:
    person = User.objects.select_for_update().get(pk=person.pk)
    set_locally(**{ERASES: WHY})
    _delete_own(person)
    _erase_found(found)  # last, because this also locks rows of other people
    set_locally(**{ERASES: ""})


def _erase_for_good(traces: Traces) -> None:
    """Erases the person's name, addresses, ways to sign in and rights (see `erase_person`). Also
    erases names, reasons and the address in the history of the person, the accounts and the
    households.
    """
    person = User.objects.select_for_update().get(pk=traces.person.pk)
    set_locally(**{ERASES: WHY})
    with triggers_lifted("changes"):
        left = households_of(person)
        erase_person(person.pk, name=NAME, password=make_password(None))
        _rename_empty_households(left)
        _erase_from_the_history(person, [*traces.accounts, *left])
    set_locally(**{ERASES: ""})


def _rename_empty_households(households: Sequence[UUID]) -> None:
    """Replaces the names of households without members. A household with members keeps its name."""
    members = User.objects.filter(household=OuterRef("pk"))
    empty = Household.objects.filter(~Exists(members), pk__in=households)
    erase_from_the_log_of_households(empty.values_list("pk", flat=True))
    empty.update(name=HOUSEHOLD_NAME)


def _history_of_accounts(traces: Traces) -> Iterator[Found]:
    """Yields the rows of the accounts' history that contain names or reasons. There may be many
    such rows, and the later search for the person's texts does not need them. So they are erased
    before the person's name.
    """
    rows = _naming([str(pk) for pk in traces.accounts]).filter(table_name="accounts")
    ids = list(rows.order_by("changed_at", "id").values_list("pk", flat=True))
    if ids:
        yield Found(rows, ids, WITHOUT_NAMES)


def _erase_from_the_history(person: User, others: Sequence[UUID]) -> None:
    """Removes names, reasons and the person's address from the history of the person and of
    `others`. The time, action and author of each change stay. The history of a household with
    members keeps the household's name.
    """
    lived_in = Household.objects.filter(pk__in=others).exclude(name=HOUSEHOLD_NAME)
    kept = set(lived_in.values_list("pk", flat=True))
    about = [str(pk) for pk in (person.pk, *others) if pk not in kept]
    _naming(about).update(**WITHOUT_NAMES)


def _naming(about: Sequence[str]) -> QuerySet[Change]:
    """Returns the recorded changes of these objects (ids) that contain a name or a reason."""
    names = Q(before__has_any_keys=NAMING) | Q(after__has_any_keys=NAMING)
    return Change.objects.filter(~Q(reason="") | names, about__in=about)
