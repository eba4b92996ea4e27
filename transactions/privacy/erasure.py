"""Erases people who left, once the keeping time is over. The books stay as they are.

Note [Erasure]: names, addresses, ways to sign in, sessions and notes go; accounts and transactions
stay, with the id of a person whom nothing names any more. Seals digest transactions alone, so they
verify as before. A first transaction replaces the address by one of DOMAIN, unless the sign-in was
restored since the person was read. From then on services refuse to restore it. The history keeps
the old address until the name goes. Texts that name the person are found without a lock. The next
transaction erases what is in tables that may change. Short ones erase a few lines of payment files,
because bookings of their files wait meanwhile, and rows of tables that never change otherwise, a
part each, the history of the accounts among them: Note [Lifted triggers]. Each locks the found rows
and compares them with the condition of the search again, because others may have changed them
since. Another short one erases the name and its history. Then the search is repeated until it finds
nothing, because of what was written since. Each step before the name goes may be repeated: if one
fails, the person is still due, and the next run begins again.
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

PART = 5000  # rows of a statement
FEW = 100  # rows of `locked_first`, for which others wait
SEARCHES = 5  # at most, for what was written between the first one and the end
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
    """People who left before this moment, have no open account, and are not erased yet. Anybody can
    take the name of the erased, but only an erasure removes addresses from the history.
    """
    is_open = Account.objects.filter(user=OuterRef("pk")).exclude(status=Account.Status.CLOSED)
    about = Cast(OuterRef("pk"), TextField())
    addresses = Change.objects.filter(table_name="users", about=about, before__has_key="email")
    is_erased = Q(~Exists(addresses), email__endswith=f"@{DOMAIN}", name=NAME)
    left = User.objects.filter(~is_erased, ~Exists(is_open), deleted_at__lt=moment)
    due: QuerySet[User] = left.order_by("deleted_at", "pk")
    return due


class Found(NamedTuple):
    """The rows of an `Erased` and its values, with the ids that a search found."""

    rows: QuerySet[Any]
    ids: list[Any]
    values: dict[str, Any] | None

    @property
    def table(self) -> str:
        return str(self.rows.model._meta.db_table)

    @property
    def never_changes(self) -> bool:
        """Whether the triggers of the table have to be lifted."""
        return self.table in lifted()

    @property
    def locks_others(self) -> bool:
        """Whether rows of another table are locked too."""
        return self.rows.model in _locked_first()

    @property
    def is_erased_apart(self) -> bool:
        """Whether `erase` opens database transactions, one for each part."""
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
        """Leaves out rows that no longer meet the condition of the search."""
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
    """Locks the rows until the transaction ends, and before them those of `locked_first`."""
    rows = model._default_manager.filter(pk__in=ids)
    if others := _locked_first().get(model):
        list(others(rows).select_for_update(no_key=True).order_by("pk").values_list("pk"))
    list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def erase(person: User) -> bool:
    """Erases what names the person. For the owner of the tables. Returns False, with nothing
    erased, if their sign-in was restored since `person` was read.

    Raises StorageFailed if S3 did not delete what the person attached; then nothing else is erased
    but the address of the row.
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
    """Replaces the address of the row. Returns False if the sign-in was restored since `person` was
    read, also if it is closed again.
    """
    rows = User.objects.select_for_update().filter(pk=person.pk, deleted_at=person.deleted_at)
    as_read: User | None = rows.first()
    if as_read is None:
        return False
    return erase_person(as_read.pk)


def _delete_outside(person: User) -> None:
    for data in REGISTERED:
        data.delete_outside(person)


def all_texts(traces: Traces) -> Iterator[Erased]:
    """All texts that name the person, in every table."""
    yield texts_of_the_log(traces)
    for data in REGISTERED:
        yield from data.texts(traces)


def _search(traces: Traces) -> list[Found]:
    """Those of `all_texts` that are not erased yet. Locks nothing."""
    found = (
        Found(rows, list(rows.values_list("pk", flat=True)), values)
        for rows, values in all_texts(traces)
    )
    return [each for each in found if each.ids]


def _erase_found(found: Iterable[Found]) -> None:
    """Erases those that belong into one database transaction, which is open."""
    for each in found:
        if not each.is_erased_apart:
            each.erase()


def _erase_in_parts(found: Iterable[Found]) -> None:
    """Erases the others."""
    for each in found:
        if each.is_erased_apart:
            each.erase()


def _delete_own(person: User) -> None:
    """Deletes the rows that are the person's alone, of tables that may change."""
    token_ends.revoke_all(person, "sign_in_closed")  # if one works still, it is not deleted
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
    _erase_found(found)  # of others too, so it comes last
    set_locally(**{ERASES: ""})


def _erase_for_good(traces: Traces) -> None:
    """Erases the name, and the history of it."""
    person = User.objects.select_for_update().get(pk=traces.person.pk)
    set_locally(**{ERASES: WHY})
    with triggers_lifted("changes"):
        left = households_of(person)
        erase_person(person.pk, name=NAME, password=make_password(None))
        _rename_empty_households(left)
        _erase_from_the_history(person, [*traces.accounts, *left])
    set_locally(**{ERASES: ""})


def _rename_empty_households(households: Sequence[UUID]) -> None:
    """A household in which others live keeps its name, which is theirs too."""
    members = User.objects.filter(household=OuterRef("pk"))
    empty = Household.objects.filter(~Exists(members), pk__in=households)
    erase_from_the_log_of_households(empty.values_list("pk", flat=True))
    empty.update(name=HOUSEHOLD_NAME)


def _history_of_accounts(traces: Traces) -> Iterator[Found]:
    """What the history says of the accounts, which may be much. Nothing finds the person by it, so
    it goes before the name.
    """
    rows = _naming([str(pk) for pk in traces.accounts]).filter(table_name="accounts")
    ids = list(rows.order_by("changed_at", "id").values_list("pk", flat=True))
    if ids:
        yield Found(rows, ids, WITHOUT_NAMES)


def _erase_from_the_history(person: User, others: Sequence[UUID]) -> None:
    """That something was changed, when and by whom stays; names, reasons and the person's address
    go. A name of a household goes from its history only if nobody lives there any more.
    """
    lived_in = Household.objects.filter(pk__in=others).exclude(name=HOUSEHOLD_NAME)
    kept = set(lived_in.values_list("pk", flat=True))
    about = [str(pk) for pk in (person.pk, *others) if pk not in kept]
    _naming(about).update(**WITHOUT_NAMES)


def _naming(about: Sequence[str]) -> QuerySet[Change]:
    """The history of these ids where it has names or reasons."""
    names = Q(before__has_any_keys=NAMING) | Q(after__has_any_keys=NAMING)
    return Change.objects.filter(~Q(reason="") | names, about__in=about)
