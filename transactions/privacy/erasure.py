"""Erases people who left, once the keeping time is over. The books stay as they are.

Note [Erasure]: names, addresses, ways to sign in, sessions and notes go; accounts and transactions
stay, with the id of a person whom nothing names any more. Seals digest transactions alone, so they
verify as before. Some of the rows belong to tables that never change: only the owner of the tables
may lift their triggers, for the length of this transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Exists, F, Func, JSONField, OuterRef, Q, QuerySet, TextField, Value

from accounts.erased import ACCOUNT_NAME, DOMAIN, HOUSEHOLD_NAME, NAME, NAMING
from accounts.models import (
    Account,
    ApiToken,
    Change,
    Household,
    RowRemoval,
    SignIn,
    User,
    WebSession,
)
from accounts.sign_in import token_ends
from ledger.db.local_settings import set_locally
from ledger.db.register import ERASES
from transactions.attachments.storage import delete_outside
from transactions.models import (
    Alert,
    AlertChoice,
    AlertTimes,
    Annotation,
    Attachment,
    Budget,
    CategoryRule,
    NamesAsked,
    Occurrence,
    OutsideAccount,
    OutsideEntry,
    OutsideFilePart,
    OutsideImport,
    OwnCategory,
    Payee,
    SavedReport,
    StandingOrder,
    Webhook,
    WebhookDelivery,
    WebhookQueue,
)
from transactions.privacy.further import FURTHER
from transactions.privacy.traces import (
    erase_from_statements,
    erase_from_the_log_of_households,
    erase_from_the_log_of_the_admin,
    erase_texts,
    traces_of,
)

# Notes, accounts that are closed, the history, what staff wrote about accounts, and statements that
# staff reconciled.
NEVER_CHANGE = (
    "annotations", "accounts", "changes", "account_status_changes", "limit_changes",
    "approval_requests", "transaction_notes", "reads", "payment_lines", "monthly_statements",
    "reconciliations", "reconciliation_lines",
)  # fmt: skip

OTHER_TRIGGERS = """SELECT quote_ident(tgname) FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal
      AND tgname NOT LIKE ALL (ARRAY['%%row_is_registered%%', '%%row_is_revised%%'])"""
WHY = "A person was erased"


def due_before(moment: datetime) -> QuerySet[User]:
    """People who left before this moment, have no open account, and are not erased yet."""
    is_open = Account.objects.filter(user=OuterRef("pk")).exclude(status=Account.Status.CLOSED)
    left = User.objects.filter(deleted_at__lt=moment).exclude(email__endswith=f"@{DOMAIN}")
    due: QuerySet[User] = left.filter(~Exists(is_open)).order_by("deleted_at", "pk")
    return due


def erase(person: User) -> None:
    """Erases what names the person, in one database transaction. For the owner of the tables.

    Raises StorageFailed if S3 did not delete what the person attached; then nothing else is erased.
    """
    further = [table for data in FURTHER for table in data.never_change]
    with db_transaction.atomic(durable=True), triggers_lifted(*NEVER_CHANGE, *further):
        set_locally(**{ERASES: WHY})
        person = User.objects.select_for_update().get(pk=person.pk)
        traces = traces_of(person)
        erase_from_the_log_of_the_admin(traces)
        erase_texts(traces)
        for data in FURTHER:
            data.erase(traces)
        left = _households_left(person)
        delete_outside(Attachment.objects.of(person).values_list("pk", flat=True))
        token_ends.revoke_all(person, "sign_in_closed")  # if one works still, it is not deleted
        for rows in (
            EmailAddress.objects.filter(user=person),
            Authenticator.objects.filter(user=person),
            SocialAccount.objects.filter(user=person),
            WebSession.objects.filter(user=person),
            SignIn.objects.filter(user=person),
            ApiToken.objects.filter(user=person),
            Annotation.objects.filter(owner=person),
            Attachment.objects.filter(owner=person),
            OwnCategory.objects.filter(owner=person),
            Budget.objects.filter(owner=person),
            CategoryRule.objects.filter(owner=person),
            NamesAsked.objects.filter(user=person),
            WebhookDelivery.objects.filter(webhook__owner=person),
            WebhookQueue.objects.filter(webhook__owner=person),
            Webhook.objects.filter(owner=person),
            SavedReport.objects.filter(owner=person),
            Alert.objects.filter(owner=person),
            AlertChoice.objects.filter(owner=person),
            AlertTimes.objects.filter(owner=person),
            OutsideEntry.objects.filter(account__owner=person),
            OutsideFilePart.objects.filter(source__account__owner=person),
            OutsideImport.objects.filter(account__owner=person),
            OutsideAccount.objects.filter(owner=person),
            Occurrence.objects.filter(order__owner=person),
            StandingOrder.objects.filter(owner=person),
            Payee.objects.filter(Q(owner=person) | Q(account__user=person)),
        ):
            _note_removal(rows)
            rows.delete()
        Account.objects.filter(user=person).update(name=ACCOUNT_NAME)
        erase_from_statements(traces)
        person.groups.clear()
        person.user_permissions.clear()
        person.household = None
        person.name, person.email = NAME, f"{person.pk.hex}@{DOMAIN}"
        person.last_login, person.is_staff, person.is_superuser = None, False, False
        person.set_unusable_password()
        person.save()
        _rename_empty_households(left)
        _erase_from_the_history(person, [*traces.accounts, *left])
        set_locally(**{ERASES: ""})


def _note_removal(rows: QuerySet[Any]) -> None:
    """For the audit, of tables with a register: see Note [Register of rows]."""
    ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
    if ids and rows.model in (SignIn, Annotation, ApiToken, StandingOrder):
        RowRemoval.objects.create(
            table_name=rows.model._meta.db_table, row_ids=ids, reason=f"{WHY}."
        )


def _households_left(person: User) -> list[UUID]:
    """The households in which the person is or was, as the history tells."""
    about = Change.objects.filter(table_name="users", about=str(person.pk))
    names = {
        side["household"]
        for row in about
        for side in (row.before, row.after)
        if side and side.get("household")
    }
    found = Household.objects.filter(Q(name__in=names) | Q(pk=person.household_id))
    return list(found.values_list("pk", flat=True))


def _rename_empty_households(households: Sequence[UUID]) -> None:
    """A household in which others live keeps its name, which is theirs too."""
    members = User.objects.filter(household=OuterRef("pk"))
    empty = Household.objects.filter(~Exists(members), pk__in=households)
    erase_from_the_log_of_households(empty.values_list("pk", flat=True))
    empty.update(name=HOUSEHOLD_NAME)


def _erase_from_the_history(person: User, others: Sequence[UUID]) -> None:
    """That something was changed, when and by whom stays; names, reasons and the person's address
    go. A name of a household goes from its history only if nobody lives there any more.
    """
    lived_in = Household.objects.filter(pk__in=others).exclude(name=HOUSEHOLD_NAME)
    kept = set(lived_in.values_list("pk", flat=True))
    about = [str(pk) for pk in (person.pk, *others) if pk not in kept]
    without = {
        side: Func(
            F(side), Value(list(NAMING), ArrayField(TextField())), template="(%(expressions)s)",
            arg_joiner=" - ", output_field=JSONField(),
        )
        for side in ("before", "after")
    }  # fmt: skip
    Change.objects.filter(about__in=about).update(**without, reason="")
    Change.objects.filter(person=person).update(address="")


@contextmanager
def triggers_lifted(*tables: str) -> Iterator[None]:
    """Lifts the triggers of tables whose rows never change, but not those that register rows and
    note what becomes of them; other sessions cannot write the tables meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with deferred checks is in use
        for table in tables:
            cursor.execute(OTHER_TRIGGERS, [table])
            for (trigger,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
