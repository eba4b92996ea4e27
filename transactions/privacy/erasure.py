"""Erases people who left, once the keeping time is over. The books stay as they are.

Note [Erasure]: names, addresses, ways to sign in, sessions and notes go; accounts and transactions
stay, with the id of a person whom nothing names any more. Seals digest transactions alone, so they
verify as before. Some of the rows belong to tables that never change: only the owner of the tables
may lift their triggers, for the length of this transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Exists, F, Func, JSONField, OuterRef, QuerySet, TextField, Value

from accounts.models import Account, Change, SignIn, User, WebSession
from transactions.models import Annotation, NamesAsked, PaymentLine

NAME = "A former customer"
DOMAIN = "erased.invalid"  # a domain that nobody can have (RFC 2606)
ACCOUNT_NAME = "Account"
# Notes, accounts that are closed, and the history.
NEVER_CHANGE = ("annotations", "accounts", "changes")
NAMING = ("name", "email", "account there", "reason")  # values of the history that name somebody


def due_before(moment: datetime) -> QuerySet[User]:
    """People who left before this moment, have no open account, and are not erased yet."""
    is_open = Account.objects.filter(user=OuterRef("pk")).exclude(status=Account.Status.CLOSED)
    left = User.objects.filter(deleted_at__lt=moment).exclude(email__endswith=f"@{DOMAIN}")
    due: QuerySet[User] = left.filter(~Exists(is_open)).order_by("deleted_at", "pk")
    return due


def erase(person: User) -> None:
    """Erases what names the person, in one database transaction. For the owner of the tables."""
    with db_transaction.atomic(durable=True), triggers_lifted(*NEVER_CHANGE):
        person = User.objects.select_for_update().get(pk=person.pk)
        _erase_from_the_log_of_the_admin(person)
        for rows in (
            EmailAddress.objects.filter(user=person),
            Authenticator.objects.filter(user=person),
            SocialAccount.objects.filter(user=person),
            WebSession.objects.filter(user=person),
            SignIn.objects.filter(user=person),
            Annotation.objects.filter(owner=person),
            NamesAsked.objects.filter(user=person),
        ):
            rows.delete()
        lines = PaymentLine.objects.filter(file__from_account__user=person)
        lines.exclude(typed_name="").update(typed_name="")
        Account.objects.filter(user=person).update(name=ACCOUNT_NAME)
        person.groups.clear()
        person.user_permissions.clear()
        person.name, person.email = NAME, f"{person.pk.hex}@{DOMAIN}"
        person.last_login, person.is_staff, person.is_superuser = None, False, False
        person.set_unusable_password()
        person.save()
        _erase_from_the_history(person)


def _erase_from_the_history(person: User) -> None:
    """That something was changed, when and by whom stays; names and the person's address go."""
    accounts = [str(pk) for pk in Account.objects.filter(user=person).values_list("pk", flat=True)]
    without = {
        side: Func(
            F(side), Value(list(NAMING), ArrayField(TextField())), template="(%(expressions)s)",
            arg_joiner=" - ", output_field=JSONField(),
        )
        for side in ("before", "after")
    }  # fmt: skip
    Change.objects.filter(about__in=[str(person.pk), *accounts]).update(**without)
    Change.objects.filter(person=person).update(address="")


def _erase_from_the_log_of_the_admin(person: User) -> None:
    """What staff changed stays; how the person and their accounts were called then does not."""
    accounts = [str(pk) for pk in Account.objects.filter(user=person).values_list("pk", flat=True)]
    for model, ids in ((User, [str(person.pk)]), (Account, accounts)):
        kind = ContentType.objects.get_for_model(model)
        about = LogEntry.objects.filter(content_type=kind, object_id__in=ids)
        about.update(object_repr=NAME, change_message="")


@contextmanager
def triggers_lifted(*tables: str) -> Iterator[None]:
    """Lifts the triggers of tables whose rows never change; other sessions cannot write them
    meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with deferred checks is in use
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
