"""Opens outside accounts, and uploads, reads, imports and undoes files of other banks.

Note [Nothing half-imported]: a file is read completely before any of its lines are stored, so a
file that cannot be read leaves no lines behind. The lines are then stored step by step as a
preview, which balances do not include. One SQL statement turns the lines of the preview into
entries, in the database transaction that marks the import as done. An undo deletes the entries in
one transaction.

Note [Opening balance]: the opening balance of an account comes from the imported file that begins
first. The import of an older file replaces the opening balance, and stores the previous balance in
`opening_before`. After an undo, the opening balance comes from the file that now begins first. In
an account with entries, an opening balance that the owner typed is never replaced. An opening
balance counts as typed if it differs from the opening balance in its file. If it comes from no
file, it counts as typed if it is not zero.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from django.db import connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import User
from accounts.sent_bytes import LINE, count_stored
from banking.outside.duplicates import delete_lookalikes, mark_duplicates
from banking.outside.file_parts import delete_file, size_of, store_file, stored_file
from banking.outside.formats.csv_columns import completed, guess, guess_of_file, mark_of_file
from banking.outside.formats.lines import (
    OutsideLine,
    StatementFacts,
    UnreadableStatement,
)
from banking.outside.formats.reading import Measured, digest_of, format_of, lines_of, measure
from banking.outside.formats.sheet import refuse_too_many_rows, sheet_of
from banking.outside.models import (
    OutsideAccount,
    OutsideEntry,
    OutsideFilePart,
    OutsideImport,
    id_of,
)
from banking.outside.reads import doubts_of
from ledger.db.ids import uuid7, uuid7_with
from ledger.db.retry import with_retry
from ledger.db.rights.row_security import rows_are_secured, write_rows
from ledger.text.lines import tidy_line
from transactions.exceptions import InvalidDetails

State, Format = OutsideImport.State, OutsideImport.Format
MAX_ACCOUNTS = 50  # maximum number of accounts of one person
MAX_LINES_PER_PERSON = 500_000  # maximum for all accounts together, including lines of previews
STEP = 10_000  # number of lines that are stored before the page responds
PART = 2000  # number of lines that are kept in memory and written together
TOO_MANY_ACCOUNTS = f"You have {MAX_ACCOUNTS} outside accounts. Remove one first."
CHANGED = "This import has changed in the meantime. Check it again."
ANOTHER_MARK = "Some numbers seem to be a thousand times too small or too large."
COLUMNS = (
    "id account_id source_id number position booked_on amount description other reference "
    "outside_id fingerprint is_double is_entered"
).split()


# Roles that change an amount, skip lines, or make a file unreadable. The owner must confirm these
# roles.
CONFIRMED_ROLES = ("currency", "side", "status", "fee")


@with_retry
def open_account(
    *, owner: User, name: str, currency: str, opening: Decimal, id: uuid.UUID | None = None
) -> OutsideAccount:
    """Opens an outside account and returns it. A second call with the same arguments, including
    `id`, returns the existing account.

    Raises: InvalidDetails if the owner already has MAX_ACCOUNTS accounts.
    """
    facts = {"owner": owner, "name": name, "currency": currency, "opening": opening}
    pk = uuid7_with(id or uuid7(), name, currency, opening)
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(owner.pk)
        mine = OutsideAccount.objects.owned_by(owner)
        existing: OutsideAccount | None = mine.filter(pk=pk).first()
        if existing is not None:
            return existing
        if mine.count() >= MAX_ACCOUNTS:
            raise InvalidDetails(TOO_MANY_ACCOUNTS)
        return OutsideAccount.objects.create(pk=pk, **facts)


@with_retry
def change_account(
    *, account: OutsideAccount, name: str | None = None, opening: Decimal | None = None
) -> None:
    """Changes the name and the opening balance of an account. An argument that is None changes
    nothing.
    """
    facts = {"name": name, "opening": opening}
    changes = {column: value for column, value in facts.items() if value is not None}
    with db_transaction.atomic(durable=True):
        OutsideAccount.objects.filter(pk=account.pk).update(**changes)


@with_retry
def remove_account(*, account: OutsideAccount) -> None:
    """Deletes an account with its imports and entries. A second call does nothing."""
    with db_transaction.atomic(durable=True):
        OutsideAccount.objects.select_for_update().filter(pk=account.pk).first()
        OutsideEntry.objects.filter(account=account).delete()
        OutsideFilePart.objects.filter(source__account=account).delete()
        OutsideImport.objects.filter(account=account).delete()
        OutsideAccount.objects.filter(pk=account.pk).delete()


def upload(
    source: IO[bytes], *, account: OutsideAccount, name: str, id: uuid.UUID | None = None
) -> OutsideImport:
    """Stores a file and returns its import. Deletes other uploads into the account that are not
    imported yet. A second call with the same `id`, file and account returns the existing import,
    unless it was undone.

    A CSV file with unknown columns waits until the person chooses the columns. All other files are
    read completely, to check them. If a CSV file cannot be read with the stored columns, but can be
    read with other columns, the other columns are proposed. The import's `refusal` is then the
    reason why the stored columns do not fit.

    Raises: UnreadableStatement if the file cannot be read; InvalidDetails if the owner would have
    more than MAX_LINES_PER_PERSON lines.
    """
    digest = digest_of(source)
    pk = uuid7_with(id or uuid7(), account.pk, digest)
    while (existing := OutsideImport.objects.filter(pk=pk).first()) is not None:
        if existing.state != State.UNDONE:
            return existing
        pk = uuid7_with(pk, existing.undone_at)
    made = OutsideImport(
        pk=pk, account=account, name=tidy_line(name)[:200] or "statement",
        format=format_of(source), digest=digest, state=State.COLUMNS,
    )  # fmt: skip
    if made.format == Format.QIF:
        _measure_in_order(made, source)
    elif made.format != Format.CSV:
        _measure(made, source)
    elif _remember_columns(made, source):
        _measure_or_propose(made, source)
    elif made.mapping is None:
        sheet = sheet_of(source, allow_unknown=True)
        made.mapping = guess_of_file(source, sheet, made.currency)
    return _store(made, source)


def _measure_in_order(made: OutsideImport, source: IO[bytes]) -> None:
    """Reads a whole QIF file to check it. First tries the order of dates that the owner chose for
    an earlier file of the account.
    """
    files = OutsideImport.objects.imported_into(made.account).filter(format=Format.QIF)
    ordered = files.exclude(mapping=None).newest_first().first()
    with suppress(UnreadableStatement):
        if ordered is not None:
            made.mapping = ordered.mapping
            _measure(made, source)
            return
    made.mapping = None
    _measure(made, source)


def _measure_or_propose(made: OutsideImport, source: IO[bytes]) -> None:
    """Checks a CSV file with the stored mapping. If the file cannot be read with this mapping, for
    example because it has another date format, sets another mapping as a proposal.

    Raises: UnreadableStatement if no mapping can read the file.
    """
    mapping = made.mapping or {}
    failed = [_relevant_roles(mapping)]
    try:
        _measure(made, source)
        failed.clear()
        _refuse_other_mark(made, source)
    except UnreadableStatement as refusal:
        made.state = State.COLUMNS
        sheet = sheet_of(source, allow_unknown=True)
        guessed = guess_of_file(source, sheet, made.account.currency)
        as_before = dict(mapping, order=guessed["order"], decimal=guessed["decimal"])
        for proposal in (as_before, guessed, mapping):
            if _relevant_roles(proposal) in failed:
                continue
            failed.append(_relevant_roles(proposal))
            with suppress(UnreadableStatement):
                _measured(made, source, proposal)
                made.mapping, made.refusal = proposal, str(refusal)
                return
        raise


def _relevant_roles(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the part of a mapping that determines whether the file can be read. If two mappings
    agree in this part, only one of them is tried, because reading a large file takes seconds.
    """
    return {role: of for role, of in mapping.items() if role != "texts" and of is not None}


def _refuse_other_mark(made: OutsideImport, source: IO[bytes]) -> None:
    """Raises UnreadableStatement if the decimal mark of the numbers in the file differs from the
    decimal mark in the mapping.
    """
    sheet, mapping = sheet_of(source, allow_unknown=True), made.mapping or {}
    mark = mark_of_file(source, sheet, mapping, made.account.currency)
    if mark not in ("", mapping["decimal"]):
        raise UnreadableStatement(ANOTHER_MARK)


def _remember_columns(made: OutsideImport, source: IO[bytes]) -> bool:
    """Sets the stored mapping of a CSV file. Returns True if the file can be read without asking
    the person. Returns False if no mapping is stored, or if the mapping is only a proposal.

    The mapping is a proposal in two cases. It comes from another account, whose bank may use the
    same heading with other signs. Or the file has a column for one of CONFIRMED_ROLES that the
    mapping does not contain.
    """
    sheet = sheet_of(source, allow_unknown=True)
    refuse_too_many_rows(source, sheet)
    if not sheet.is_named:
        return False  # files without a heading from different banks would look equal
    made.heading = sheet.digest
    before = _last_with_heading(made.account, made.heading)
    if before is None:
        return False
    known = before.mapping or {}
    made.mapping = mapping = completed(sheet, known, made.account.currency)
    needs_confirmation = any(
        role not in known and mapping.get(role) is not None for role in CONFIRMED_ROLES
    )
    return before.account_id == made.account_id and not needs_confirmation


@with_retry
def _store(made: OutsideImport, source: IO[bytes]) -> OutsideImport:
    with db_transaction.atomic(durable=True):
        _locked_account(made.account)
        for waiting in OutsideImport.objects.filter(account=made.account).waiting():
            _delete(waiting)
        _refuse_too_many_lines(made)
        made.save(force_insert=True)
        store_file(source, made)
    return made


def _last_with_heading(account: OutsideAccount, heading: str) -> OutsideImport | None:
    """Returns the owner's last import with these column names, or None. Prefers an import into this
    account.
    """
    same = OutsideImport.objects.owned_by(account.owner).filter(heading=heading)
    same = same.exclude(mapping=None).exclude(state=State.COLUMNS)  # only a proposal
    found = same.newest_first()
    return found.filter(account=account).first() or found.first()


@with_retry
def name_columns(*, source: OutsideImport, mapping: Mapping[str, Any]) -> OutsideImport:
    """Sets the meaning of the columns of a CSV file, reads the file again, and returns the import.
    Each call counts as an upload in the upload limit, because the file is read again.

    Raises: UnreadableStatement if the file cannot be read; InvalidDetails if the file was imported
    or removed in the meantime, or if the owner would have more than MAX_LINES_PER_PERSON lines.
    """
    # Counted outside the transaction below, so that a file that cannot be read also counts.
    count_stored(source.account.owner_id, size_of(source))
    with db_transaction.atomic(durable=True):
        locked = _locked(source, State.COLUMNS, State.READING, State.PREVIEW)
        locked.read_count = locked.double_count = 0
        with stored_file(locked) as file:
            locked.mapping = _with_known_roles(locked, file, mapping)
            _measure(locked, file)
        _refuse_too_many_lines(locked)
        OutsideEntry.objects.of(locked).delete()
        locked.save()
    return locked


def _with_known_roles(
    locked: OutsideImport, file: IO[bytes], mapping: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the mapping without each role of CONFIRMED_ROLES for which the file has no column:
    neither the person nor the guess assigned a column to the role. If a later file has a column for
    such a role, the person must confirm the column.
    """
    if locked.format != Format.CSV:
        return dict(mapping)
    found = guess(sheet_of(file, allow_unknown=True, is_checked=True), locked.currency)
    unknown = {role for role in CONFIRMED_ROLES if mapping.get(role) is None and role not in found}
    return {role: place for role, place in mapping.items() if role not in unknown}


def read_in_order(*, source: OutsideImport, order: str) -> OutsideImport:
    """Reads a QIF file again in the chosen order, "dmy" (day first) or "mdy" (month first). Returns
    the import. The order is stored for later files of the account.

    Raises: UnreadableStatement or InvalidDetails, in the same cases as `name_columns`.
    """
    if source.format != Format.QIF:
        raise InvalidDetails("Choose the order of the date where you choose the columns.")
    return name_columns(source=source, mapping={"order": order})


def read_step(source: OutsideImport) -> OutsideImport:
    """Stores the next STEP lines of the preview, and returns the import. Marks the duplicates after
    the last line.
    """
    return _read(source, STEP)


def read_rest(source: OutsideImport) -> OutsideImport:
    """Stores all remaining lines of the preview, and returns the import."""
    while source.state == State.READING:
        source = _read(source, STEP)
    return source


@with_retry
def _read(source: OutsideImport, most: int) -> OutsideImport:
    with db_transaction.atomic(durable=True):
        locked = _locked(source, State.READING, State.PREVIEW)
        if locked.state == State.PREVIEW:
            return locked
        before = locked.read_count
        facts = StatementFacts(account_currency=locked.currency)
        with (
            stored_file(locked) as file,
            closing(lines_of(file, locked.format, locked.mapping, facts)) as lines,
        ):
            rest = islice(lines, locked.read_count, locked.read_count + most)
            while part := list(islice(rest, PART)):
                _write(locked, part)
                locked.read_count += len(part)
        if locked.read_count >= locked.line_count:
            locked.double_count = mark_duplicates(locked)
            locked.doubts = doubts_of(locked)
            locked.state = State.PREVIEW
        locked.save()
    count_stored(locked.account.owner_id, LINE * (locked.read_count - before))
    return locked


@with_retry
def confirm(
    *, source: OutsideImport, with_duplicates: bool = False, with_lookalikes: bool = True
) -> OutsideImport:
    """Turns the lines of a preview into entries, and returns the import. Duplicates become entries
    only if `with_duplicates` is true. Lookalikes (new lines that may be duplicates) become entries
    only if `with_lookalikes` is true. A second call changes nothing. See Note [Opening balance].

    Searches for duplicates again, because another import may have been confirmed since the preview.
    """
    with db_transaction.atomic(durable=True):
        account = _locked_account(source.account)
        locked = _locked(source, State.PREVIEW, State.IMPORTED)
        if locked.state == State.IMPORTED:
            return locked
        locked.double_count = mark_duplicates(locked)
        lines = OutsideEntry.objects.of(locked)
        if not with_lookalikes:
            delete_lookalikes(locked)
        if not with_duplicates:
            lines.filter(is_double=True).delete()
        _take_opening(locked, account)
        locked.entry_count = lines.update(is_entered=True)
        locked.state, locked.imported_at = State.IMPORTED, timezone.now()
        locked.doubts = None  # the warnings contain texts of the file
        locked.save()
        delete_file(locked)
    return locked


@with_retry
def undo(*, source: OutsideImport) -> OutsideImport:
    """Deletes the entries of an import, keeps its row, and returns the import. A second call
    changes nothing.
    """
    with db_transaction.atomic(durable=True):
        account = _locked_account(source.account)
        locked = _locked(source, State.IMPORTED, State.UNDONE)
        if locked.state == State.UNDONE:
            return locked
        OutsideEntry.objects.of(locked).delete()
        _settle_opening(locked, account)
        locked.state, locked.undone_at = State.UNDONE, timezone.now()
        locked.save()
    return locked


def _take_opening(locked: OutsideImport, account: OutsideAccount) -> None:
    """Sets the account's opening balance from the file, if the file begins before all entries. See
    Note [Opening balance].
    """
    entered = OutsideEntry.objects.entered(account)
    if locked.opening is None or entered.filter(booked_on__lte=locked.first_on).exists():
        return
    holder = _holder_of_opening(account)
    if entered.exists() and _is_typed(account, holder):
        return
    _move_opening(account, holder, locked)


def _settle_opening(locked: OutsideImport, account: OutsideAccount) -> None:
    """Sets the account's opening balance after the entries of `locked` were deleted. The new
    balance is the opening balance of the file that now begins first. If no such file contains an
    opening balance, it is the balance that the import of `locked` replaced. Keeps a balance that
    the owner typed.
    """
    holder = _holder_of_opening(account)
    if _is_typed(account, holder):
        return
    others = OutsideImport.objects.imported_into(account).exclude(pk=locked.pk)
    successor = others.exclude(opening=None).order_by("first_on", "imported_at").first()
    entered = OutsideEntry.objects.entered(account)
    if successor is not None and not entered.filter(booked_on__lt=successor.first_on).exists():
        _move_opening(account, holder, successor)
    elif holder == locked:
        account.opening = locked.opening_before
        account.save(update_fields=["opening"])


def _holder_of_opening(account: OutsideAccount) -> OutsideImport | None:
    """Returns the import from which the account's opening balance comes, or None."""
    imports = OutsideImport.objects.imported_into(account)
    holder: OutsideImport | None = imports.exclude(opening_before=None).first()
    return holder


def _is_typed(account: OutsideAccount, holder: OutsideImport | None) -> bool:
    """Returns whether the owner typed the account's opening balance. This is so if the account's
    opening balance differs from that of the import `holder`, or from zero if `holder` is None.
    """
    expected = holder.opening if holder is not None else Decimal(0)
    return bool(account.opening != expected)


def _move_opening(
    account: OutsideAccount, holder: OutsideImport | None, successor: OutsideImport
) -> None:
    before = account.opening
    if holder is not None:
        if not _is_typed(account, holder):
            before = holder.opening_before
        holder.opening_before = None
        holder.save(update_fields=["opening_before"])
    successor.opening_before, account.opening = before, successor.opening
    successor.save(update_fields=["opening_before"])
    account.save(update_fields=["opening"])


@with_retry
def discard(*, source: OutsideImport) -> None:
    """Deletes an upload that was not imported. A second call does nothing."""
    with db_transaction.atomic(durable=True):
        waiting = OutsideImport.objects.select_for_update().filter(pk=source.pk).waiting().first()
        if waiting is not None:
            _delete(waiting)


def _measured(made: OutsideImport, file: IO[bytes], mapping: Mapping[str, Any] | None) -> Measured:
    """Returns the result of `measure`. If the file is refused, the lines that were read before the
    error count in the upload limit, because reading them takes time too.
    """
    try:
        return measure(file, made.format, mapping, made.account.currency)
    except UnreadableStatement as refusal:
        if refusal.lines_read:
            count_stored(made.account.owner_id, LINE * refusal.lines_read)
        raise


def _measure(made: OutsideImport, file: IO[bytes]) -> None:
    found = _measured(made, file, made.mapping)
    made.line_count, made.state = found.count, State.READING
    made.first_on, made.last_on = found.first_on, found.last_on
    made.is_newest_first = found.is_newest_first
    made.unbooked_count = found.facts.unbooked
    made.opening, made.closing = found.facts.opening, found.facts.closing
    if made.closing is not None and made.last_on is not None:
        made.closing_on = max(found.facts.closing_on or made.last_on, made.last_on)


def _refuse_too_many_lines(source: OutsideImport) -> None:
    """Raises InvalidDetails if the owner would have more lines than MAX_LINES_PER_PERSON. Locks the
    owner's row, so that parallel uploads together cannot exceed the limit. Must be the last lock of
    the transaction.
    """
    owner = User.objects.lock_active(source.account.owner_id)
    others = OutsideImport.objects.owned_by(owner).exclude(pk=source.pk)
    count = others.line_total() + source.line_count
    if count > MAX_LINES_PER_PERSON:
        raise InvalidDetails(
            f"With this file, your outside accounts would have {count:,} lines. Limit: "
            f"{MAX_LINES_PER_PERSON:,}. First undo an old import, discard a file that is not "
            "imported yet, or remove an account."
        )


def _locked_account(account: OutsideAccount) -> OutsideAccount:
    """Returns the account with its row locked, so that only one import into the account is
    confirmed or undone at a time.
    """
    found: OutsideAccount | None = (
        OutsideAccount.objects.select_for_update().filter(pk=account.pk).first()
    )
    if found is None:
        raise InvalidDetails("This account was removed in the meantime.")
    return found


def _locked(source: OutsideImport, *states: OutsideImport.State) -> OutsideImport:
    rows = OutsideImport.objects.with_account().select_for_update(of=("self",))
    found: OutsideImport | None = rows.filter(pk=source.pk, state__in=states).first()
    if found is None:
        raise InvalidDetails(CHANGED)
    return found


def _delete(waiting: OutsideImport) -> None:
    OutsideEntry.objects.of(waiting).delete()
    waiting.delete()  # also deletes the parts of its file


def fingerprint(line: OutsideLine) -> uuid.UUID:
    """Returns a hash of the day, the amount and the texts as a UUID. Lines that look equal to a
    person have the same hash.
    """
    facts = (
        line.booked_on.isoformat(), f"{line.amount.normalize():f}",
        line.description, line.other, line.reference,
    )  # fmt: skip
    digest = hashlib.sha256("\x1f".join(facts).casefold().encode()).digest()
    return uuid.UUID(bytes=digest[:16])


def _write(source: OutsideImport, lines: Iterable[OutsideLine]) -> None:
    """Writes the lines of a preview into the database with COPY. Uses INSERT if the table has
    row-level security policies, because COPY does not support them.
    """
    sign = -1 if source.is_newest_first else 1
    rows = [
        (
            id_of(source, "line", line.number), source.account_id, source.pk,
            line.number, sign * line.number,
            line.booked_on, line.amount, line.description, line.other, line.reference,
            line.outside_id, fingerprint(line), False, False,
        )
        for line in lines
    ]  # fmt: skip
    with connection.cursor() as cursor:
        if rows_are_secured():
            write_rows(cursor, "outside_entries", COLUMNS, rows)
            return
        into = f"COPY outside_entries ({', '.join(COLUMNS)}) FROM STDIN"
        with connection.wrap_database_errors, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)
