"""Opens outside accounts, and uploads, reads, imports and undoes files of other banks.

Note [Nothing half-imported]: a file is read once as a whole before a line of it is stored, so one
that cannot be read leaves nothing behind. Its lines are stored step by step as a preview, which no
balance counts. They become entries in one statement, in the transaction that marks the import as
done, and an undo deletes them in one.

Note [Opening balance]: the account's opening balance is that of the imported file that begins
before all entries; this import keeps in `opening_before` what its owner had typed. An older file
takes it over, and an undo leaves it to the file that then begins first. Once the account has
entries, a balance that its owner typed is never replaced: one that is not that of a file, nor zero
where no file has given one.
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
from banking.outside.doubles import delete_lookalikes, mark_doubles
from banking.outside.file_parts import forget, keep, kept, size_of
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
MOST_ACCOUNTS = 50  # of one person
MOST_LINES_OF_A_PERSON = 500_000  # in all accounts, with those of previews
STEP = 10_000  # lines that are stored before the page is answered
PART = 2000  # lines that are held in memory and written at a time
TOO_MANY_ACCOUNTS = f"You have {MOST_ACCOUNTS} outside accounts. Remove one first."
CHANGED = "Somebody has changed this import meanwhile. Look at it again."
ANOTHER_MARK = "Some figures seem to become a thousand times too small or too large."
COLUMNS = (
    "id account_id source_id number position booked_on amount description other reference "
    "outside_id fingerprint is_double is_entered"
).split()


# Roles that change an amount or the lines, or refuse a file.
ASKED_AGAIN = ("currency", "side", "status", "fee")


@with_retry
def open_account(
    *, owner: User, name: str, currency: str, opening: Decimal, id: uuid.UUID | None = None
) -> OutsideAccount:
    """Opens an outside account. `id` is that of the form: the same name, currency and balance under
    it return the account that they opened before.

    Raises InvalidDetails with MOST_ACCOUNTS others.
    """
    facts = {"owner": owner, "name": name, "currency": currency, "opening": opening}
    pk = uuid7_with(id or uuid7(), name, currency, opening)
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(owner.pk)
        mine = OutsideAccount.objects.owned_by(owner)
        there: OutsideAccount | None = mine.filter(pk=pk).first()
        if there is not None:
            return there
        if mine.count() >= MOST_ACCOUNTS:
            raise InvalidDetails(TOO_MANY_ACCOUNTS)
        return OutsideAccount.objects.create(pk=pk, **facts)


@with_retry
def change_account(
    *, account: OutsideAccount, name: str | None = None, opening: Decimal | None = None
) -> None:
    """Changes the name and the balance before the first entry; None leaves one as it is."""
    facts = {"name": name, "opening": opening}
    changes = {column: value for column, value in facts.items() if value is not None}
    with db_transaction.atomic(durable=True):
        OutsideAccount.objects.filter(pk=account.pk).update(**changes)


@with_retry
def remove_account(*, account: OutsideAccount) -> None:
    """Removes an account with its imports and entries. Removing it twice does no harm."""
    with db_transaction.atomic(durable=True):
        OutsideAccount.objects.select_for_update().filter(pk=account.pk).first()
        OutsideEntry.objects.filter(account=account).delete()
        OutsideFilePart.objects.filter(source__account=account).delete()
        OutsideImport.objects.filter(account=account).delete()
        OutsideAccount.objects.filter(pk=account.pk).delete()


def upload(
    source: IO[bytes], *, account: OutsideAccount, name: str, id: uuid.UUID | None = None
) -> OutsideImport:
    """Stores a file, in place of others that wait to be imported into the account.

    A CSV file whose columns nobody has named yet waits for that; any other is measured. `id` is
    that of the form: the same file for the same account under it returns the import that it made
    before, unless that is undone. If the columns as remembered do not fit the file, and others do,
    they are proposed, and `refusal` says what did not fit. Raises UnreadableStatement, and
    InvalidDetails above MOST_LINES_OF_A_PERSON.
    """
    digest = digest_of(source)
    pk = uuid7_with(id or uuid7(), account.pk, digest)
    while (there := OutsideImport.objects.filter(pk=pk).first()) is not None:
        if there.state != State.UNDONE:
            return there
        pk = uuid7_with(pk, there.undone_at)
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
        sheet = sheet_of(source, is_asked=True)
        made.mapping = guess_of_file(source, sheet, made.currency)
    return _store(made, source)


def _measure_in_order(made: OutsideImport, source: IO[bytes]) -> None:
    """Measures a QIF file by the order of days that its owner has said for the account, if it can
    be read so.
    """
    files = OutsideImport.objects.imported_into(made.account).filter(format=Format.QIF)
    said = files.exclude(mapping=None).newest_first().first()
    with suppress(UnreadableStatement):
        if said is not None:
            made.mapping = said.mapping
            _measure(made, source)
            return
    made.mapping = None
    _measure(made, source)


def _measure_or_propose(made: OutsideImport, source: IO[bytes]) -> None:
    """Measures a CSV file by the remembered mapping, or else proposes another one that can read
    it: days or figures may be written so that the last file did not tell how.
    """
    mapping = made.mapping or {}
    failed = [_what_decides(mapping)]
    try:
        _measure(made, source)
        failed.clear()
        _refuse_other_mark(made, source)
    except UnreadableStatement as refusal:
        made.state = State.COLUMNS
        sheet = sheet_of(source, is_asked=True)
        anew = guess_of_file(source, sheet, made.account.currency)
        as_before = dict(mapping, order=anew["order"], decimal=anew["decimal"])
        for proposal in (as_before, anew, mapping):
            if _what_decides(proposal) in failed:
                continue
            failed.append(_what_decides(proposal))
            with suppress(UnreadableStatement):
                _measured(made, source, proposal)
                made.mapping, made.refusal = proposal, str(refusal)
                return
        raise


def _what_decides(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """What of a mapping decides whether a file can be read by it. A large file takes seconds."""
    return {role: of for role, of in mapping.items() if role != "texts" and of is not None}


def _refuse_other_mark(made: OutsideImport, source: IO[bytes]) -> None:
    """Raises UnreadableStatement if the file tells another mark than the mapping has."""
    sheet, mapping = sheet_of(source, is_asked=True), made.mapping or {}
    mark = mark_of_file(source, sheet, mapping, made.account.currency)
    if mark not in ("", mapping["decimal"]):
        raise UnreadableStatement(ANOTHER_MARK)


def _remember_columns(made: OutsideImport, source: IO[bytes]) -> bool:
    """Sets the remembered mapping of a CSV file; returns whether it can be read by it.

    One of another account is only a proposal, because another bank may have the same heading and
    other signs. So is one that is older than roles that change an amount or refuse a file, if such
    columns are there.
    """
    sheet = sheet_of(source, is_asked=True)
    refuse_too_many_rows(source, sheet)
    if not sheet.is_named:
        return False  # files of other banks without a heading would seem to be the same
    made.heading = sheet.digest
    before = _last_with_heading(made.account, made.heading)
    if before is None:
        return False
    known = before.mapping or {}
    made.mapping = mapping = completed(sheet, known, made.account.currency)
    is_asked_again = any(
        role not in known and mapping.get(role) is not None for role in ASKED_AGAIN
    )
    return before.account_id == made.account_id and not is_asked_again


@with_retry
def _store(made: OutsideImport, source: IO[bytes]) -> OutsideImport:
    with db_transaction.atomic(durable=True):
        _locked_account(made.account)
        for waiting in OutsideImport.objects.filter(account=made.account).waiting():
            _delete(waiting)
        _refuse_too_many_lines(made)
        made.save(force_insert=True)
        keep(source, made)
    return made


def _last_with_heading(account: OutsideAccount, heading: str) -> OutsideImport | None:
    """The last import of the owner whose columns have these names, into this account if there is
    one.
    """
    same = OutsideImport.objects.owned_by(account.owner).filter(heading=heading)
    same = same.exclude(mapping=None).exclude(state=State.COLUMNS)  # where it is still a proposal
    found = same.newest_first()
    return found.filter(account=account).first() or found.first()


@with_retry
def name_columns(*, source: OutsideImport, mapping: Mapping[str, Any]) -> OutsideImport:
    """Says what the columns of a CSV file mean; lines that were read otherwise are read again. The
    file counts as if it were sent again: reading it takes as long.

    Raises UnreadableStatement, and InvalidDetails if it is imported or gone meanwhile, or above
    MOST_LINES_OF_A_PERSON.
    """
    count_stored(source.account.owner_id, size_of(source))  # also if it then cannot be read
    with db_transaction.atomic(durable=True):
        locked = _locked(source, State.COLUMNS, State.READING, State.PREVIEW)
        locked.read_count = locked.double_count = 0
        with kept(locked) as file:
            locked.mapping = _with_known_roles(locked, file, mapping)
            _measure(locked, file)
        _refuse_too_many_lines(locked)
        OutsideEntry.objects.of(locked).delete()
        locked.save()
    return locked


def _with_known_roles(
    locked: OutsideImport, file: IO[bytes], mapping: Mapping[str, Any]
) -> dict[str, Any]:
    """The mapping without the roles of ASKED_AGAIN for which neither the person nor the guess finds
    a column, so that they are asked for once a file has one.
    """
    if locked.format != Format.CSV:
        return dict(mapping)
    found = guess(sheet_of(file, is_asked=True, is_checked=True), locked.currency)
    unknown = {role for role in ASKED_AGAIN if mapping.get(role) is None and role not in found}
    return {role: place for role, place in mapping.items() if role not in unknown}


def read_in_order(*, source: OutsideImport, order: str) -> OutsideImport:
    """Reads a QIF file anew with the day first ("dmy") or the month ("mdy"), as the person says; it
    is remembered for the account. Raises as `name_columns` does.
    """
    if source.format != Format.QIF:
        raise InvalidDetails("The order of days is one of its columns. Change the columns.")
    return name_columns(source=source, mapping={"order": order})


def read_step(source: OutsideImport) -> OutsideImport:
    """Stores the next STEP lines of the preview; after the last, marks the doubles."""
    return _read(source, STEP)


def read_rest(source: OutsideImport) -> OutsideImport:
    """Stores all lines of the preview that are left."""
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
            kept(locked) as file,
            closing(lines_of(file, locked.format, locked.mapping, facts)) as lines,
        ):
            rest = islice(lines, locked.read_count, locked.read_count + most)
            while part := list(islice(rest, PART)):
                _write(locked, part)
                locked.read_count += len(part)
        if locked.read_count >= locked.line_count:
            locked.double_count = mark_doubles(locked)
            locked.doubts = doubts_of(locked)
            locked.state = State.PREVIEW
        locked.save()
    count_stored(locked.account.owner_id, LINE * (locked.read_count - before))
    return locked


@with_retry
def confirm(
    *, source: OutsideImport, with_doubles: bool = False, with_lookalikes: bool = True
) -> OutsideImport:
    """Enters the lines of a preview, doubles only if `with_doubles`, and lines with the day and
    amount of an entry only if `with_lookalikes`. Importing twice does no harm.

    Doubles are looked for once more, because another import may have been confirmed since the
    preview. See Note [Opening balance].
    """
    with db_transaction.atomic(durable=True):
        account = _locked_account(source.account)
        locked = _locked(source, State.PREVIEW, State.IMPORTED)
        if locked.state == State.IMPORTED:
            return locked
        locked.double_count = mark_doubles(locked)
        lines = OutsideEntry.objects.of(locked)
        if not with_lookalikes:
            delete_lookalikes(locked)
        if not with_doubles:
            lines.filter(is_double=True).delete()
        _take_opening(locked, account)
        locked.entry_count = lines.update(is_entered=True)
        locked.state, locked.imported_at = State.IMPORTED, timezone.now()
        locked.doubts = None  # with texts of the file
        locked.save()
        forget(locked)
    return locked


@with_retry
def undo(*, source: OutsideImport) -> OutsideImport:
    """Deletes the entries of an import and keeps the fact. Undoing twice does no harm."""
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
    """Gives the account the opening balance of a file that begins before all that is entered."""
    entered = OutsideEntry.objects.entered(account)
    if locked.opening is None or entered.filter(booked_on__lte=locked.first_on).exists():
        return
    holder = _holder_of_opening(account)
    if entered.exists() and _is_typed(account, holder):
        return
    _hand_opening_over(account, holder, locked)


def _settle_opening(locked: OutsideImport, account: OutsideAccount) -> None:
    """Leaves the opening balance to the file that begins first once `locked` has no entries; gives
    back what stood there before if no file has it.
    """
    holder = _holder_of_opening(account)
    if _is_typed(account, holder):
        return
    others = OutsideImport.objects.imported_into(account).exclude(pk=locked.pk)
    heir = others.exclude(opening=None).order_by("first_on", "imported_at").first()
    entered = OutsideEntry.objects.entered(account)
    if heir is not None and not entered.filter(booked_on__lt=heir.first_on).exists():
        _hand_opening_over(account, holder, heir)
    elif holder == locked:
        account.opening = locked.opening_before
        account.save(update_fields=["opening"])


def _holder_of_opening(account: OutsideAccount) -> OutsideImport | None:
    """The import whose opening balance the account has taken."""
    imports = OutsideImport.objects.imported_into(account)
    holder: OutsideImport | None = imports.exclude(opening_before=None).first()
    return holder


def _is_typed(account: OutsideAccount, holder: OutsideImport | None) -> bool:
    """Whether the owner typed the opening balance: it is neither the holder's nor, without a
    holder, zero.
    """
    given = holder.opening if holder is not None else Decimal(0)
    return bool(account.opening != given)


def _hand_opening_over(
    account: OutsideAccount, holder: OutsideImport | None, heir: OutsideImport
) -> None:
    before = account.opening
    if holder is not None:
        if not _is_typed(account, holder):
            before = holder.opening_before
        holder.opening_before = None
        holder.save(update_fields=["opening_before"])
    heir.opening_before, account.opening = before, heir.opening
    heir.save(update_fields=["opening_before"])
    account.save(update_fields=["opening"])


@with_retry
def discard(*, source: OutsideImport) -> None:
    """Throws an upload away that was not imported. Discarding twice does no harm."""
    with db_transaction.atomic(durable=True):
        waiting = OutsideImport.objects.select_for_update().filter(pk=source.pk).waiting().first()
        if waiting is not None:
            _delete(waiting)


def _measured(made: OutsideImport, file: IO[bytes], mapping: Mapping[str, Any] | None) -> Measured:
    """`measure`; the lines of a refused file count as those of a stored one, because they take as
    long to read.
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
    """Raises InvalidDetails if its owner would have more lines than MOST_LINES_OF_A_PERSON. Locks
    the owner, last of all, so that two files are not both the last that fits.
    """
    owner = User.objects.lock_active(source.account.owner_id)
    others = OutsideImport.objects.owned_by(owner).exclude(pk=source.pk)
    count = others.line_total() + source.line_count
    if count > MOST_LINES_OF_A_PERSON:
        raise InvalidDetails(
            f"With this file you would have {count:,} lines in outside accounts, and the most is "
            f"{MOST_LINES_OF_A_PERSON:,}. First undo an old import, throw away a file that waits, "
            "or remove an account."
        )


def _locked_account(account: OutsideAccount) -> OutsideAccount:
    """The account, so that imports into it are confirmed and undone one after the other."""
    found: OutsideAccount | None = (
        OutsideAccount.objects.select_for_update().filter(pk=account.pk).first()
    )
    if found is None:
        raise InvalidDetails("This account was removed meanwhile.")
    return found


def _locked(source: OutsideImport, *states: OutsideImport.State) -> OutsideImport:
    rows = OutsideImport.objects.with_account().select_for_update(of=("self",))
    found: OutsideImport | None = rows.filter(pk=source.pk, state__in=states).first()
    if found is None:
        raise InvalidDetails(CHANGED)
    return found


def _delete(waiting: OutsideImport) -> None:
    OutsideEntry.objects.of(waiting).delete()
    waiting.delete()  # with the parts of its file


def fingerprint(line: OutsideLine) -> uuid.UUID:
    """Of day, amount and texts: equal for lines that a person could not tell apart."""
    facts = (
        line.booked_on.isoformat(), f"{line.amount.normalize():f}",
        line.description, line.other, line.reference,
    )  # fmt: skip
    digest = hashlib.sha256("\x1f".join(facts).casefold().encode()).digest()
    return uuid.UUID(bytes=digest[:16])


def _write(source: OutsideImport, lines: Iterable[OutsideLine]) -> None:
    """Writes lines of a preview by COPY; by INSERT if the table has policies."""
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
