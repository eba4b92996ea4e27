"""People: customers, analysts and staff."""

import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.password_validation import validate_password
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import current_access
from accounts.erased import DOMAIN, ERASED
from accounts.exceptions import OwnerNotActive, PersonErased
from accounts.models.change_triggers import IN_UTC, recorded
from accounts.models.changed_columns import SavesChangedColumns
from accounts.models.fields import PasswordHashField, times_finite
from accounts.models.household import Household
from accounts.models.rights_triggers import COLUMNS_OF_RIGHTS, STAFF_BEFORE_GROUPS, of_users
from accounts.models.token_rights import RightsByToken
from accounts.shown import add
from ledger.db.extensions import SCHEMA
from ledger.db.ids import uuid7
from ledger.db.queries.words import words_as_text, words_of
from ledger.db.triggers import TRUSTS_USER, FirmTrigger, refuse
from ledger.text.lines import tidy_line

# The words of names and email addresses, for the search ("mara" finds Mara Lindt's payments) and
# for the admin's search. A query must contain exactly this expression, otherwise Postgres does not
# use the index.
PERSON_WORDS = words_of(name="A", email="B")
# The words of names for trigrams, which find misspelt names. Email addresses are not included.
NAME_TEXT = words_as_text(models.F("name"))
TIMES_OF_PEOPLE = ("created_at", "deleted_at", "last_login")


# A superuser may do everything, so no page of the site may create a superuser.
SUPERUSER_BY_COMMAND = FirmTrigger(
    name="superuser_by_command",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("is_superuser"),  # type: ignore[no-untyped-call]
    func=f"""
        IF NEW.is_superuser AND NOT (TG_OP = 'UPDATE' AND OLD.is_superuser)
           AND NOT {TRUSTS_USER}
        THEN
            {refuse("superuser_by_command", "Superusers are made by manage.py createsuperuser.")}
        END IF;
        RETURN NEW;
    """,
)


class _TellingEach(models.query.ModelIterable):  # type: ignore[type-arg]
    """An iterable that records each loaded person for the read log, including staff. See Note
    [Whose data].
    """

    def __iter__(self) -> Iterator["User"]:
        for person in super().__iter__():
            add(person.pk)
            yield person


class UserQuerySet(models.QuerySet["User"]):
    def shown(self) -> Self:
        """Returns the queryset for a page about these people. For such a page, the read log also
        records people who are staff. For other pages, the read log leaves them out.
        """
        people = self.all()
        people._iterable_class = _TellingEach
        return people

    def active(self) -> Self:
        """Filters to people who may sign in: `deleted_at` is empty."""
        return self.filter(deleted_at=None)

    def locked(self, ids: Iterable[uuid.UUID | None]) -> Self:
        """Returns the people with these ids. Their rows are locked until the database transaction
        ends.

        Note [Lock of a person]: some code depends on the state of a person, or on the number of
        rows that a person has. Such code must read these values after this query has locked the
        person's row. Rows are locked in order of id. Accounts are locked after people, and code
        that has locked accounts never waits for the lock of a person. Payments do not lock the row:
        see Note [Turn of a person] in `transactions.posting.turns`. Leaving the bank and closing a
        sign-in also lock the row, so nothing can be added for a person who leaves at the same time.
        Slow code locks the row at the end, and is rolled back if the sign-in was closed in the
        meantime. Other rows that slow code locks earlier, such as the count of `safeguards.quota`,
        must therefore never be locked after the row of the person.
        """
        return self.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)

    def lock_active(self, pk: uuid.UUID) -> "User":
        """Locks a person before a change of the person's data, and returns the current row. See
        Note [Lock of a person].

        Raises: OwnerNotActive if the sign-in is closed; AccessEnded, as described at `lock_person`.
        """
        person = self.lock_person(pk)
        person.refuse_unless_active()
        return person

    def lock_person(self, pk: uuid.UUID) -> "User":
        """Locks the row of a person and returns the current row. Staff actions and jobs call this
        method. Also accepts a person whose sign-in is closed.

        Raises: AccessEnded if the person is the user of the current request, and the session or
        token of the request has ended.
        """
        person: User = self.locked([pk]).get()
        current_access.refuse_if_ended(person)
        return person


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Manager that creates people. It stores email addresses in lowercase, as the constraint
    `user_email_lowercase` requires.
    """

    use_in_migrations = False

    def create_user(
        self, email: str, password: str | None = None, *more: object, **fields: object
    ) -> "User":
        """Creates a person and returns the person. `password` may be None if the person sets a
        password later.

        Raises: ValueError if the email address is missing. Also raises ValueError for the arguments
        of Django's user model (username, email, password).
        """
        if more or "username" in fields or "@" not in (email or ""):
            raise ValueError(
                "A user needs an e-mail address, which is the sign-in name. Write"
                ' create_user("ana@example.com", password, name="Ana").'
            )
        user: User = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, *more: object, **fields: object
    ) -> "User":
        """Creates a person with every permission, for `manage.py createsuperuser`, and returns the
        person.

        Raises: ValidationError for a weak password; ValueError, as described at `create_user`.
        """
        if password is not None and not more and "username" not in fields:
            validate_password(password, self.model(email=email, **fields))
        fields |= {"is_staff": True, "is_superuser": True}
        user = self.create_user(email, password, *more, **fields)
        confirm_address(user)
        return user

    def get_by_natural_key(self, email: str | None) -> "User":
        """Returns the person who signs in with this address, in upper or lower case."""
        user: User = self.get(email=(email or "").lower())
        return user


class User(RightsByToken, SavesChangedColumns, AbstractBaseUser):
    """A person: a customer, analyst or staff member. A person is never deleted. If `deleted_at` is
    set, the person can no longer sign in.
    """

    password = PasswordHashField("password", max_length=128)
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(
        "email",
        unique=True,
        error_messages={"unique": "Somebody already signs in with this address."},
    )
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="Set: cannot sign in; accounts and history stay."
    )
    household = models.ForeignKey(
        Household,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
        help_text="With whom they live: staff do not serve their own household.",
    )
    is_staff = models.BooleanField("staff", default=False, help_text="May use the admin.")
    password_is_long = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="The password is long enough to be the only factor.",
    )

    objects = UserManager()

    session_version = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        db_comment="Raised by triggers when rights change, which ends the person's sessions",
    )

    MIN_LENGTH_WITHOUT_FACTOR = (
        15  # characters, if there is no second factor (NIST SP 800-63B-4, 3.1.1.2)
    )

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table = "users"
        db_table_comment = "People who sign in"
        verbose_name = "person"
        verbose_name_plural = "people"
        permissions = [
            ("view_contact_details", "Can see whole email addresses and account numbers"),
            ("give_groups", "Can put people into groups"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *recorded(
                "users",
                {
                    "email": "{row}.email",
                    "name": "{row}.name",
                    "deleted_at": IN_UTC.format("{row}.deleted_at"),
                    "is_staff": "{row}.is_staff",
                    "is_superuser": "{row}.is_superuser",
                    "household": "(SELECT name FROM households WHERE id = {row}.household_id)",
                    "household_id": "{row}.household_id",  # stored because names are not unique
                },
                *"email name deleted_at is_staff is_superuser household_id password".split(),
                password=True,
            ),
            SUPERUSER_BY_COMMAND,
            *of_users(),
            STAFF_BEFORE_GROUPS,
        ]
        indexes: ClassVar[list[models.Index]] = [
            GinIndex(PERSON_WORDS, name="users_search"),
            GinIndex(OpClass(NAME_TEXT, f"{SCHEMA}.gin_trgm_ops"), name="users_similar_search"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Together with unique=True on the column, the address is unique regardless of upper and
            # lower case.
            models.CheckConstraint(
                name="user_email_lowercase",
                condition=Q(email=Lower("email")),
                violation_error_message="An email address is stored in lower case.",
            ),
            models.CheckConstraint(
                name="user_times_finite",
                condition=times_finite(*TIMES_OF_PEOPLE),
                violation_error_message="A time lies between 1900 and 9999.",
            ),
        ]

    def __str__(self) -> str:
        """Returns the name. Some users may read the name of a person, but not the email address."""
        return self.name or "Person without a name"

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        """Creates the instance. Records the person for the read log, unless the person is staff:
        see Note [Whose data]. Most pages show staff only as authors. Pages about people call
        `shown`, which also records staff.
        """
        person = super().from_db(*arguments, **options)
        if not person.__dict__.get("is_staff"):
            add(person.__dict__.get("id"))
        return person

    def refuse_unless_active(self) -> None:
        """Raises OwnerNotActive if the sign-in is closed."""
        if not self.is_active:
            raise OwnerNotActive(f"The sign-in of {self} is closed, so nothing is added for them.")

    def refuse_if_erased(self) -> None:
        """Raises PersonErased if the erasure of the person has begun."""
        if self.is_erased:
            raise PersonErased(ERASED)

    @property
    def is_erased(self) -> bool:
        """Whether the person's data has been erased, or the erasure has begun: see Note
        [Erasure].
        """
        return self.email.endswith(f"@{DOMAIN}")

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether the person may sign in."""
        return self.deleted_at is None

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Returns a hash of the password, the address and the rights. If one of the three changes,
        all sessions of the person end. Django's hash contains only the password, so a person who
        can read the old mailbox would stay signed in after a change of the address.
        """
        salt = "accounts.models.User.get_session_auth_hash"
        facts = f"{self.password} {self.email} {self.session_version}"
        return salted_hmac(salt, facts, secret=secret, algorithm="sha256").hexdigest()

    def set_password(self, raw_password: str | None) -> None:
        """Sets the password, and stores whether it is long enough to be the only factor. If
        `raw_password` is None, sets an unusable password.
        """
        super().set_password(None if raw_password is None else normalised_password(raw_password))
        self.password_is_long = len(raw_password or "") >= self.MIN_LENGTH_WITHOUT_FACTOR

    def has_session_hash(self, known: str) -> bool:
        """Returns whether the hash that a session contains is still the person's hash. If not, the
        password, the address or the rights have changed since the sign-in, so the session ends.
        """
        return constant_time_compare(known, self.get_session_auth_hash())

    def check_password(self, raw_password: str | None) -> bool:
        """Returns whether this is the person's password. If the stored hash has outdated settings,
        also stores a stronger hash, unless the password was changed after this object was read.
        """
        before = self.password

        def strengthen(password: str) -> None:
            self.set_password(password)
            unchanged = User.objects.filter(pk=self.pk, password=before)
            unchanged.update(password=self.password, password_is_long=self.password_is_long)

        typed = raw_password and normalised_password(raw_password)
        return check_password(typed, before, strengthen)

    def is_close_to(self, other: "User") -> bool:
        """Returns whether `other` is the same person, or lives in the same household."""
        lives_with = self.household_id is not None and self.household_id == other.household_id
        return self.pk == other.pk or lives_with

    def get_full_name(self) -> str:
        return self.name

    def clean(self) -> None:
        self.email = self.email.lower()

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        is_new = self._state.adding
        only = {*(self.changed_columns() if update_fields is None else update_fields)}
        if "password" in only:
            only.add("password_is_long")
        with_rights = not only.isdisjoint(COLUMNS_OF_RIGHTS)
        if self.is_limited and with_rights:
            raise RuntimeError("Rights that a token has taken away for a request are not saved.")
        self.email = self.email.lower()
        self.name = tidy_line(self.name)
        super().save(update_fields=None if is_new else only, **options)
        if with_rights and not is_new:
            self.refresh_from_db(fields=["session_version"])  # perhaps raised by a trigger


def confirm_address(user: User) -> None:
    """Confirms the address without sending a code. The operator who runs the command must be sure
    that the address is correct.
    """
    # This import needs the User model of this module
    from allauth.account.models import EmailAddress

    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def normalised_password(password: str) -> str:
    """Returns the password in the form that is hashed, NFKC. Different keyboards then produce the
    same text (NIST SP 800-63B-4, 3.1.1.2).
    """
    return unicodedata.normalize("NFKC", password)
