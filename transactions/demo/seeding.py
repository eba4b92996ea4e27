"""Creates the demo bank: first the people and accounts, then all payments through `post_batch`.

For 2,000 people over 24 months, with 1.5 million transactions, `seed` needed 221 s and 92 MB on two
shared cores. Memory use does not grow after the first batch. The default, 10,000 transactions,
takes 2 s.

Note [Demo and seals]: the demo books payments of past months. If a day were sealed between two
batches, all later batches would be refused. So `seal_ledger` does not seal while the demo is
incomplete, that is, after the people are saved and before their passwords are set. A demo whose
creation was interrupted is also incomplete. Both `seal_ledger` and the function that saves the
people take the lock of the seals. So either `seal_ledger` finds the people, or the demo finds the
seal.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import connection, reset_queries
from django.db import transaction as db_transaction

from accounts import services as account_services
from accounts.exceptions import LedgerError
from accounts.groups import (
    ANALYSTS,
    AUDITOR,
    MANAGER,
    OPERATIONS,
    PEOPLE_ADMIN,
    SUPPORT,
    ensure_groups,
)
from accounts.models import Account, User
from ledger.db.ids import uuid7_of
from ledger.db.server.creation import how_to_start_over
from transactions import services, staff_services
from transactions.demo import holds, registered
from transactions.demo.people import DemoAccount, Person, user_name
from transactions.demo.registered import DemoBank
from transactions.demo.sign_ins import PASSWORD, SIGN_INS
from transactions.demo.world import World
from transactions.models import Seal, Transaction
from transactions.models.seal_triggers import SEALING
from transactions.services import Draft

NAME_BITS = 2**62 - 1  # the bits of a demo id that are computed from the person's email address
BATCH = 5_000  # drafts in one database transaction
GROUPS = {
    "analyst": ANALYSTS,
    "staff": OPERATIONS,
    "manager": MANAGER,
    "second_manager": MANAGER,
    "auditor": AUDITOR,
    "people_admin": PEOPLE_ADMIN,
    "support": SUPPORT,
}  # by the keys of SIGN_INS
MIN_USERS, MAX_MONTHS = 3, 120


class SeedingError(Exception):
    """The demo data cannot be created. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class SeedingCounts:
    """The numbers of created rows, all zero if the demo data already existed."""

    users: int = 0
    accounts: int = 0
    transactions: int = 0


def seed(
    *,
    users: int,
    months: int,
    seed: int,
    now: datetime,
    progress: Callable[[int], None] = lambda _booked: None,
) -> SeedingCounts:
    """Creates the demo bank and returns the numbers of created rows. Does nothing if the demo bank
    exists already.

    If a call was interrupted, the same call on the same day continues the creation. Both calls
    compute the same ids, so no payment is booked twice. Raises SeedingError if the demo cannot be
    created.
    """
    check_options(users, months, seed)
    if is_seeded():
        return SeedingCounts()
    registered.discover()
    world = World(users, months, seed, now)
    _refuse_strangers(world.people)
    people = _save_people(world.people)
    accounts = _open_accounts(world.people, people)
    bank = DemoBank({who: people[email] for who, email in SIGN_INS.items()}, now)
    registered.prepare(bank)
    booked = 0
    for batch in _batches(world.drafts(), BATCH):
        booked += _book(batch)
        reset_queries()  # with DEBUG, Django stores up to 9,000 queries
        progress(booked)
    _release_holds(people)
    _change_statuses(world.people, people)
    registered.complete(bank)
    _give_roles_and_passwords(people)
    return SeedingCounts(len(people), accounts, booked)


def check_options(users: int, months: int, seed: int) -> None:
    """Raises SeedingError if an option has an invalid value."""
    if users < MIN_USERS:
        raise SeedingError(f"--users is {MIN_USERS} or more, because three people can sign in.")
    if not 1 <= months <= MAX_MONTHS:
        raise SeedingError(f"--months is between 1 and {MAX_MONTHS}; {months} is not.")
    if seed < 0:
        raise SeedingError(f"--seed is zero or more; {seed} is not.")


def is_seeded() -> bool:
    """Returns whether the demo data is complete. Checks only whether at least one user of the demo
    can sign in, because `seed` sets the passwords last.
    """
    return any(map(_is_open, _demo_sign_ins()))


def is_interrupted() -> bool:
    """Returns whether a call of `seed` has begun but has not completed the demo data."""
    people = _demo_sign_ins()
    return bool(people) and not any(map(_is_open, people))


def hindrance_of_seals() -> str:
    """Returns the reason why days must not be sealed now, or "". See Note [Demo and seals]."""
    if not is_interrupted():
        return ""
    return (
        "Nothing was sealed, because seed_demo is still running or was interrupted. Wait for its"
        " end, or run it again."
    )


def _is_open(user: User) -> bool:
    """Returns whether the user can sign in. A user with a verified email address counts too: `seed`
    verifies the address when it sets the password, and the worker cannot read passwords.
    """
    if user.has_usable_password() or user.last_login is not None:
        return True
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


def _demo_sign_ins() -> list[User]:
    people = User.objects.filter(email__in=SIGN_INS.values())
    return [user for user in people if _is_demo(user)]


def _is_demo(user: User) -> bool:
    """Returns whether seed_demo created this user. A part of such a user's id is computed from the
    email address.
    """
    made = uuid7_of(user.created_at, user_name(user.email))
    return user.pk.int & NAME_BITS == made.int & NAME_BITS


def _refuse_strangers(people: Iterable[Person]) -> None:
    """Raises SeedingError if an email address of the demo belongs to a user with another id. Either
    the user is a real person, or an interrupted call with other options or on another day created
    the user.
    """
    wanted = {person.email: person.id for person in people}
    for user in User.objects.filter(email__in=wanted).order_by("email"):
        if user.pk == wanted[user.email]:
            continue
        if _is_demo(user):
            raise SeedingError(
                "An earlier seed_demo with other options, or on another day, was interrupted; "
                f"repeat that call. {how_to_start_over()}"
            )
        raise SeedingError(f"Another user has the address {user.email}, which the demo needs.")


def _save_people(people: Iterable[Person]) -> dict[str, User]:
    """Saves the users and returns them by email address. Does not change users that an interrupted
    call has saved.

    Raises SeedingError if days are sealed, see Note [Demo and seals].
    """
    nobody = make_password(None)
    rows = [
        User(
            id=person.id,
            email=person.email,
            name=person.role.name,
            created_at=person.joined,
            password=nobody,
            is_staff=person.role.kind == "staff",
        )
        for person in people
    ]
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [SEALING])
        if Seal.objects.exists():
            raise SeedingError(
                "Days of this bank are sealed, and the demo books payments of past months. Use a"
                " database without payments."
            )
        User.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
    return {user.email: user for user in rows}


def _open_accounts(people: Iterable[Person], users: dict[str, User]) -> int:
    """Opens the accounts that do not exist yet. Returns the number of all accounts in the demo."""
    wanted = [(person, account) for person in people for account in person.accounts.values()]
    ids = [account.id for _, account in wanted]
    there = set(Account.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for person, account in wanted:
        if account.id not in there:
            _open(account, users[person.email])
    return len(wanted)


def _open(account: DemoAccount, owner: User) -> None:
    account_services.open_account(
        user=owner,
        currency=account.currency,
        name=account.name,
        overdraft_limit=account.overdraft_limit,
        transfer_limit=account.transfer_limit,
        daily_limit=account.daily_limit,
        id=account.id,
        number=account.number,
        created_at=account.created_at,
    )


def _batches(drafts: Iterator[Draft], size: int) -> Iterator[list[Draft]]:
    """Splits the drafts into batches of at most `size` drafts, in order. A batch also ends before a
    draft that captures or reverses a draft of this batch, so that `posting.engine` writes each
    batch in one step.
    """
    batch: dict[object, Draft] = {}
    for draft in drafts:
        if len(batch) == size or {draft.captures, draft.reverses} & batch.keys():
            yield list(batch.values())
            batch = {}
        batch[draft.id] = draft
    if batch:
        yield list(batch.values())


def _book(batch: list[Draft]) -> int:
    """Books a batch atomically and returns the number of its payments. Raises SeedingError if a
    payment is refused. The simulation checks the same rules, so a refusal means that there is a
    bug.
    """
    try:
        return len(services.post_batch(batch, atomic=True))
    except LedgerError as refusal:
        raise SeedingError(f"A demo payment was refused, which is a bug: {refusal}") from refusal


def _release_holds(users: dict[str, User]) -> None:
    """Releases one hold with a reason, as staff would do."""
    pending = Transaction.objects.pending().filter(
        from_account__user=users[SIGN_INS["ana"]], description=holds.RELEASED
    )
    for hold in pending:
        staff_services.release(
            hold=hold,
            reason="The merchant sent a cancellation: bike returned the same day.",
            message="Tidal Bikes has cancelled the deposit.",
            written_by=users[SIGN_INS["staff"]],
        )


def _change_statuses(people: Iterable[Person], users: dict[str, User]) -> None:
    """Freezes one account and closes another account, each with a reason, as staff would do."""
    staff = users[SIGN_INS["staff"]]
    for person in people:
        if person.role.story == "frozen":
            account_services.freeze_account(
                account=person.everyday.id,
                reason="Card reported stolen; frozen until the customer has a new one.",
                changed_by=staff,
            )
        elif person.role.story == "closed":
            account_services.close_account(
                account=person.accounts["old"].id,
                reason="Closed at the customer's request; balance moved to Everyday.",
                changed_by=staff,
            )


def _give_roles_and_passwords(users: dict[str, User]) -> None:
    """Adds the analyst and the staff to their groups. Then sets the passwords, as the last step."""
    sign_ins = {role: users[email] for role, email in SIGN_INS.items()}
    with db_transaction.atomic(durable=True):
        groups = ensure_groups()
        for who, group in GROUPS.items():
            sign_ins[who].groups.add(groups[group])
        for user in sign_ins.values():
            EmailAddress.objects.get_or_create(
                user=user, email=user.email, defaults={"verified": True, "primary": True}
            )
        User.objects.filter(pk__in=[user.pk for user in sign_ins.values()]).update(
            password=_demo_password()
        )


@cache
def _demo_password() -> str:
    """Returns the hash of PASSWORD. The hash is computed only once per process. All users have the
    same salt, because the password is not secret.
    """
    return make_password(PASSWORD)
