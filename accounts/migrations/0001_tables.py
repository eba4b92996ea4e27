"""The tables of people, accounts, sign-in and staff, with their constraints and indexes."""

import datetime
from decimal import Decimal

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models
from django.utils import timezone

import accounts.models.fields
import accounts.numbers
from accounts.models.fields import MoneyField
from ledger.db.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("ledger_db", "0004_search_words"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Household",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="Such as the family's name and the street.", max_length=200
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
            ],
            options={
                "db_table": "households",
                "db_table_comment": "Who lives together: staff and their own household never meet",
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        error_messages={"unique": "Somebody already signs in with this address."},
                        max_length=254,
                        unique=True,
                        verbose_name="email",
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                (
                    "deleted_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Set: cannot sign in; accounts and history stay.",
                        null=True,
                    ),
                ),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False, help_text="May use the admin.", verbose_name="staff"
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
                (
                    "password_is_long",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        editable=False,
                        help_text="The password is long enough to be the only factor.",
                    ),
                ),
                (
                    "session_version",
                    models.PositiveIntegerField(
                        db_comment="Raised by triggers when rights change, which ends the person's sessions",
                        db_default=0,
                        default=0,
                        editable=False,
                    ),
                ),
                (
                    "household",
                    models.ForeignKey(
                        blank=True,
                        help_text="With whom they live: staff do not serve their own household.",
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="members",
                        to="accounts.household",
                    ),
                ),
            ],
            options={
                "verbose_name": "person",
                "verbose_name_plural": "people",
                "db_table": "users",
                "db_table_comment": "People who sign in",
                "permissions": [
                    ("view_contact_details", "Can see whole email addresses and account numbers"),
                    ("give_groups", "Can put people into groups"),
                ],
                "indexes": [
                    GinIndex(
                        models.Func(
                            models.Func(
                                models.F("name"),
                                template="setweight(coalesce(search_words(%(expressions)s), ''), 'A')",
                            ),
                            models.Func(
                                models.F("email"),
                                template="setweight(coalesce(search_words(%(expressions)s), ''), 'B')",
                            ),
                            arg_joiner=" || ",
                            output_field=SearchVectorField(),
                            template="(%(expressions)s)",
                        ),
                        name="users_search",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("email", django.db.models.functions.text.Lower("email"))
                        ),
                        name="user_email_lowercase",
                        violation_error_message="An email address is stored in lower case.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("created_at__isnull", True),
                                models.Q(
                                    (
                                        "created_at__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "created_at__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("deleted_at__isnull", True),
                                models.Q(
                                    (
                                        "deleted_at__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "deleted_at__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("last_login__isnull", True),
                                models.Q(
                                    (
                                        "last_login__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "last_login__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="user_times_finite",
                        violation_error_message="A time lies between 1900 and 9999.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "number",
                    models.CharField(
                        default=accounts.numbers.new_account_number, max_length=20, unique=True
                    ),
                ),
                ("name", models.CharField(default="Account", max_length=100)),
                ("currency", models.CharField(max_length=3)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("frozen", "Frozen"), ("closed", "Closed")],
                        default="active",
                        max_length=10,
                    ),
                ),
                (
                    "balance",
                    MoneyField(
                        db_comment="Booked money",
                        decimal_places=4,
                        default=Decimal("0"),
                        max_digits=19,
                    ),
                ),
                (
                    "held",
                    MoneyField(
                        db_comment="Reserved by holds",
                        decimal_places=4,
                        default=Decimal("0"),
                        max_digits=19,
                    ),
                ),
                (
                    "overdraft_limit",
                    MoneyField(
                        decimal_places=4,
                        default=Decimal("0"),
                        help_text="How far below zero it may go.",
                        max_digits=19,
                    ),
                ),
                (
                    "available",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.expressions.CombinedExpression(
                            models.expressions.CombinedExpression(
                                models.F("balance"), "+", models.F("overdraft_limit")
                            ),
                            "-",
                            models.F("held"),
                        ),
                        output_field=MoneyField(decimal_places=4, max_digits=19),
                    ),
                ),
                (
                    "transfer_limit",
                    MoneyField(
                        blank=True,
                        decimal_places=4,
                        help_text="Most that one payment may send; empty: no limit.",
                        max_digits=19,
                        null=True,
                    ),
                ),
                (
                    "daily_limit",
                    MoneyField(
                        blank=True,
                        decimal_places=4,
                        help_text="Most that may go out in a day; empty: no limit.",
                        max_digits=19,
                        null=True,
                    ),
                ),
                ("last_entry_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(default=timezone.now, editable=False)),
                ("closed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="accounts",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "minor_units",
                    models.SmallIntegerField(
                        blank=True,
                        db_comment="Of the currency; filled in by a trigger",
                        editable=False,
                    ),
                ),
            ],
            options={
                "db_table": "accounts",
                "db_table_comment": "Balances, each the sum of its entries",
                "permissions": [
                    ("change_status", "Can freeze, unfreeze and close accounts"),
                    ("change_limits", "Can change overdrafts and limits"),
                ],
                "indexes": [
                    GinIndex(
                        models.Func(
                            models.Func(
                                models.F("name"),
                                template="setweight(coalesce(search_words(%(expressions)s), ''), 'A')",
                            ),
                            arg_joiner=" || ",
                            output_field=SearchVectorField(),
                            template="(%(expressions)s)",
                        ),
                        name="accounts_search",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("id", "currency"), name="account_id_currency_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("balance__gte", 0), ("overdraft_limit__gt", 0), _connector="OR"
                        ),
                        name="balance_non_negative",
                        violation_error_message="An account without an overdraft cannot go below zero.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "balance__gte",
                                models.expressions.CombinedExpression(
                                    models.F("held"), "-", models.F("overdraft_limit")
                                ),
                            ),
                            models.Q(("balance__lt", 0), ("overdraft_limit", 0)),
                            _connector="OR",
                        ),
                        name="available_non_negative",
                        violation_error_message="More is booked or held than the account has available.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("held__gte", 0)),
                        name="held_non_negative",
                        violation_error_message="More was released than was held.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("overdraft_limit__gte", 0)),
                        name="overdraft_limit_non_negative",
                        violation_error_message="An overdraft limit is zero or more.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("transfer_limit", None),
                                models.Q(
                                    ("transfer_limit__gt", 0),
                                    ("transfer_limit__lte", Decimal("999999999999999.9999")),
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("daily_limit", None),
                                models.Q(
                                    ("daily_limit__gt", 0),
                                    ("daily_limit__lte", Decimal("999999999999999.9999")),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="limits_positive",
                        violation_error_message="A limit is above zero, or empty for none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("balance__lte", Decimal("999999999999999.9999")),
                            ("held__lte", Decimal("999999999999999.9999")),
                            ("overdraft_limit__lte", Decimal("999999999999999.9999")),
                        ),
                        name="account_amounts_finite",
                        violation_error_message="The amount is too large for this bank's books.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "closed"), _negated=True),
                            models.Q(("balance", 0), ("held", 0)),
                            _connector="OR",
                        ),
                        name="closed_account_is_empty",
                        violation_error_message="An account is closed empty: move the money out first.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="The first half of the digest",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(db_comment="What the person calls it", max_length=100)),
                ("prefix", models.CharField(db_comment="Shown in lists; no secret", max_length=8)),
                ("hash", models.CharField(db_comment="SHA-256 of the whole token", max_length=64)),
                (
                    "scopes",
                    ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("read", "Read"),
                                ("pay", "Pay"),
                                ("staff", "Staff"),
                                ("report", "Reports"),
                            ],
                            max_length=10,
                        ),
                        size=None,
                    ),
                ),
                (
                    "per_payment",
                    MoneyField(
                        db_comment="Largest payment; NULL for none",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                (
                    "per_day",
                    MoneyField(
                        db_comment="Most that it pays in a day; NULL for none",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        blank=True,
                        db_comment="The only one it pays in; empty for any",
                        default="",
                        max_length=3,
                    ),
                ),
                (
                    "second_factor",
                    models.BooleanField(
                        db_comment="Whether a second factor was proved where it was issued; so by the command",
                        default=False,
                    ),
                ),
                (
                    "expires_at",
                    models.DateTimeField(db_comment="NULL only for some of the command", null=True),
                ),
                ("created_at", models.DateTimeField(default=timezone.now)),
                ("last_used_at", models.DateTimeField(db_comment="Exact to a minute", null=True)),
                (
                    "last_used_from",
                    models.CharField(
                        blank=True,
                        db_comment="A place in words, no internet address",
                        default="",
                        max_length=200,
                    ),
                ),
                ("revoked_at", models.DateTimeField(null=True)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                (
                    "revoked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "access token",
                "db_table": "api_tokens",
                "db_table_comment": "Personal access tokens; only their digests are stored",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["user", "-created_at"], name="api_tokens_of_user")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("scopes__contained_by", ["read", "pay", "staff", "report"]),
                            ("scopes__len__gte", 1),
                        ),
                        name="api_token_scopes_known",
                        violation_error_message="A token has one or more of the scopes there are.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("hash__regex", "^[0-9a-f]{64}$"), ("prefix__regex", "^[0-9A-Za-z]{8}$")
                        ),
                        name="api_token_text_digested",
                        violation_error_message="A token has a prefix and the digest of its text.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("per_payment", None),
                                models.Q(
                                    ("per_payment__gt", 0), ("per_payment__lt", 1000000000000000)
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("per_day", None),
                                models.Q(("per_day__gt", 0), ("per_day__lt", 1000000000000000)),
                                _connector="OR",
                            ),
                        ),
                        name="api_token_limits_positive",
                        violation_error_message="A limit is above zero, or empty for none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("per_day", None), ("per_payment", None)),
                            ("currency__regex", "^[A-Z]{3}$"),
                            _connector="OR",
                        ),
                        name="api_token_limits_have_currency",
                        violation_error_message="A token with a limit pays in one currency.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), ("revoked_at", None), ("revoked_by", None)),
                            models.Q(
                                ("revoked_at__isnull", False),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="api_token_revoked_with_reason",
                        violation_error_message="A revoked token says when it was revoked, and why.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("expires_at__isnull", True),
                                models.Q(
                                    (
                                        "expires_at__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "expires_at__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("created_at__isnull", True),
                                models.Q(
                                    (
                                        "created_at__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "created_at__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("last_used_at__isnull", True),
                                models.Q(
                                    (
                                        "last_used_at__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "last_used_at__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("revoked_at__isnull", True),
                                models.Q(
                                    (
                                        "revoked_at__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "revoked_at__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="api_token_times_finite",
                        violation_error_message="A time lies between 1900 and 9999.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApprovalThreshold",
            fields=[
                (
                    "currency",
                    models.CharField(
                        db_comment="* for all others",
                        max_length=3,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("amount", MoneyField(decimal_places=4, max_digits=19)),
            ],
            options={
                "db_table": "approval_thresholds",
                "db_table_comment": "What staff do alone in a day; without rows, no rule applies",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="StaffSum",
            fields=[
                (
                    "key",
                    models.CharField(
                        db_comment="Day in UTC, money or limits, whose",
                        max_length=80,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("share", models.DecimalField(decimal_places=12, max_digits=40)),
            ],
            options={
                "db_table": "staff_sums",
                "db_table_comment": "What was done alone in a day, as a part of the threshold",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ApprovalRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("deposit", "Cash deposit"),
                            ("withdrawal", "Cash withdrawal"),
                            ("refund", "Refund"),
                            ("hold", "Hold"),
                            ("capture", "Capture"),
                            ("limits", "Limits"),
                            ("payment_file", "Payment file"),
                            ("group", "Group"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "transaction_id",
                    models.UUIDField(
                        db_comment="Of the row that the action writes; of a file, the id of the file",
                        db_index=True,
                    ),
                ),
                (
                    "amount",
                    MoneyField(
                        db_comment="Of limits: by how much they are raised",
                        decimal_places=4,
                        max_digits=24,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "parameters",
                    models.JSONField(db_comment="The other contents of the action", default=dict),
                ),
                ("reason", models.CharField(max_length=500)),
                ("requested_at", models.DateTimeField(default=timezone.now)),
                ("expires_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("approved", "Approved, not done"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("done", "Done"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("used_at", models.DateTimeField(null=True)),
                ("used_amount", MoneyField(decimal_places=4, default=Decimal("0"), max_digits=24)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "from_account",
                    models.ForeignKey(
                        null=True, on_delete=models.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "to_account",
                    models.ForeignKey(
                        null=True, on_delete=models.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        db_comment="Who is put into a group",
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "approval_requests",
                "db_table_comment": "What staff asked another person to approve; only the decision is added",
                "permissions": [
                    ("decide_approvals", "Can approve or decline what colleagues ask for")
                ],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-requested_at"], name="approval_requests_newest")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", None),
                            models.Q(("decided_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="approval_by_another_person",
                        violation_error_message="Nobody decides what they asked for themselves.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at", None),
                                ("decided_by", None),
                                ("status__in", ["pending", "withdrawn"]),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("status__in", ["approved", "declined", "done"]),
                            ),
                            _connector="OR",
                        ),
                        name="approval_status_valid",
                        violation_error_message="A decision names who decided, and when.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "done"), _negated=True),
                            ("used_at__isnull", False),
                            _connector="OR",
                        ),
                        name="approval_done_is_used",
                        violation_error_message="What is done was used at some time.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "expires_at__lte",
                                models.expressions.CombinedExpression(
                                    models.F("requested_at"),
                                    "+",
                                    models.Value(datetime.timedelta(days=31)),
                                ),
                            )
                        ),
                        name="approval_expires",
                        violation_error_message="A request waits for at most 31 days.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "deposit",
                                    "withdrawal",
                                    "refund",
                                    "hold",
                                    "capture",
                                    "limits",
                                    "payment_file",
                                    "group",
                                ],
                            )
                        ),
                        name="approval_kind_valid",
                        violation_error_message="There is no such action.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("used_amount__gte", 0), ("used_amount__lte", models.F("amount"))
                        ),
                        name="approval_within_request",
                        violation_error_message="No more is done than was approved.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "group"), ("person__isnull", False)),
                            models.Q(models.Q(("kind", "group"), _negated=True), ("person", None)),
                            _connector="OR",
                        ),
                        name="approval_names_person",
                        violation_error_message="A request for a group says who gets it; no other does.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApprovalPayment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of the request and the payment",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "payment_id",
                    models.UUIDField(db_comment="The id that the transaction gets", db_index=True),
                ),
                ("amount", MoneyField(decimal_places=4, max_digits=19)),
                (
                    "request",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=models.PROTECT,
                        related_name="payments",
                        to="accounts.approvalrequest",
                    ),
                ),
                (
                    "to_account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "db_table": "approval_payments",
                "db_table_comment": "The payments of requests that are for many; written by triggers",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AttemptCount",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField()),
                ("window_ends", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "attempt count",
                "db_table": "attempt_counts",
                "db_table_comment": "Counters of the limits on signing in",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("changed_at", models.DateTimeField()),
                ("table_name", models.CharField(max_length=63)),
                ("about", models.CharField(max_length=40)),
                (
                    "action",
                    models.CharField(
                        db_comment="insert, update, delete, or noted: the state then", max_length=6
                    ),
                ),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                (
                    "address",
                    models.CharField(
                        db_comment="Of the client, as the request said", max_length=200
                    ),
                ),
                ("path", models.CharField(db_comment="The page, or the command", max_length=200)),
                ("request", models.CharField(db_comment="As in the security log", max_length=200)),
                ("reason", models.CharField(max_length=500)),
                (
                    "role",
                    models.CharField(
                        db_comment="Of the database, whatever the request said", max_length=63
                    ),
                ),
                (
                    "session",
                    models.CharField(
                        db_comment="Of the database: process id and address", max_length=60
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proved",
                    models.BooleanField(
                        db_comment="Whether the facts (who, from where, by which page, why) had a right signature; null: there were none",
                        null=True,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "history",
                "db_table": "changes",
                "db_table_comment": "Who changed people, accounts, groups and currencies; rows of triggers",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-changed_at", "-id"], name="changes_newest"),
                    models.Index(
                        fields=["table_name", "about", "-changed_at"], name="changes_about"
                    ),
                    models.Index(fields=["person", "-changed_at"], name="changes_by_person"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Currency",
            fields=[
                (
                    "code",
                    models.CharField(
                        help_text="Three letters, like EUR.",
                        max_length=3,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "minor_units",
                    models.SmallIntegerField(
                        default=2,
                        help_text="Decimal places of an amount: JPY 0, USD 2, KWD 3.",
                        verbose_name="decimals",
                    ),
                ),
                (
                    "is_open",
                    models.BooleanField(
                        default=True,
                        help_text="Accounts can be opened in this currency.",
                        verbose_name="open",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "currencies",
                "db_table": "currencies",
                "db_table_comment": "What accounts can be opened in, with the decimals of amounts",
                "ordering": ["code"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[A-Z]{3}$")),
                        name="currency_code_valid",
                        violation_error_message="A currency code is three capital letters, like EUR.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="currency_name_given",
                        violation_error_message="A currency has a name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("minor_units__gte", 0), ("minor_units__lte", 4)),
                        name="currency_minor_units_valid",
                        violation_error_message="Amounts have 0 to 4 decimals.",
                    ),
                    models.UniqueConstraint(
                        fields=("code", "minor_units"), name="currency_minor_units_unique"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LimitChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "overdraft_limit_before",
                    MoneyField(
                        db_comment="Filled in by a trigger",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                ("transfer_limit_before", MoneyField(decimal_places=4, max_digits=19, null=True)),
                ("daily_limit_before", MoneyField(decimal_places=4, max_digits=19, null=True)),
                ("overdraft_limit", MoneyField(decimal_places=4, max_digits=19)),
                ("transfer_limit", MoneyField(decimal_places=4, max_digits=19, null=True)),
                ("daily_limit", MoneyField(decimal_places=4, max_digits=19, null=True)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("created_at", models.DateTimeField(default=timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="limit_changes",
                        to="accounts.account",
                    ),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "limit_changes",
                "db_table_comment": "Who changed an account's limits, and why; each row sets them",
                "ordering": ("-created_at",),
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Read",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("read_at", models.DateTimeField(default=timezone.now)),
                ("page", models.CharField(db_comment="The name of the URL", max_length=100)),
                ("path", models.CharField(max_length=200)),
                ("query", models.CharField(blank=True, max_length=2000)),
                (
                    "people",
                    ArrayField(
                        base_field=models.UUIDField(),
                        db_comment="Whose rows were read, at most 500",
                        size=None,
                    ),
                ),
                ("address", models.CharField(max_length=200)),
                ("request", models.CharField(db_comment="As in the security log", max_length=200)),
                (
                    "reader",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        db_comment="Of the database", db_default="", default="", max_length=63
                    ),
                ),
                (
                    "session",
                    models.CharField(
                        db_comment="Of the database: process and address",
                        db_default="",
                        default="",
                        max_length=60,
                    ),
                ),
            ],
            options={
                "db_table": "reads",
                "db_table_comment": "Who read whose data; inserted once, never changed",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-read_at", "-id"], name="reads_newest"),
                    models.Index(fields=["reader", "-read_at"], name="reads_by_reader"),
                    GinIndex(fields=["people"], name="reads_of_people"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RegisteredRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "table_name",
                        "row_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("table_name", models.CharField(max_length=63)),
                ("row_id", models.CharField(max_length=80)),
                ("registered_at", models.DateTimeField()),
                (
                    "digest",
                    models.BinaryField(
                        db_comment="SHA-256 of the row as it was inserted; null before there were digests",
                        null=True,
                    ),
                ),
            ],
            options={
                "db_table": "row_register",
                "db_table_comment": "Every row of the append-only tables, noted by triggers",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RowRevision",
            fields=[
                ("number", models.BigAutoField(primary_key=True, serialize=False)),
                ("table_name", models.CharField(max_length=63)),
                ("row_id", models.CharField(max_length=80)),
                ("digest", models.BinaryField(db_comment="SHA-256 of the row as it is since then")),
                ("reason", models.CharField(max_length=500)),
                ("revised_at", models.DateTimeField()),
                ("role", models.CharField(db_comment="Of the database", max_length=63)),
                (
                    "session",
                    models.CharField(
                        db_comment="Of the database: process and address", max_length=60
                    ),
                ),
            ],
            options={
                "db_table": "row_revisions",
                "db_table_comment": "Rows of append-only tables that changed by right, and why",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["table_name", "row_id", "number"], name="row_revisions_of_row"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RowRemoval",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("table_name", models.CharField(max_length=63)),
                ("removed_before", models.DateTimeField(null=True)),
                (
                    "row_ids",
                    ArrayField(base_field=models.CharField(max_length=80), default=list, size=None),
                ),
                ("reason", models.CharField(max_length=500)),
                ("removed_at", models.DateTimeField(default=timezone.now)),
            ],
            options={
                "db_table": "row_removals",
                "db_table_comment": "What was deleted from append-only tables, and why",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ProviderGroup",
            fields=[("name", models.CharField(max_length=150, primary_key=True, serialize=False))],
            options={
                "db_table": "provider_groups",
                "db_table_comment": "Groups that the identity provider gives to those who sign in there",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="WebSession",
            fields=[
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                (
                    "session_key",
                    models.CharField(
                        db_comment="SHA-256 of the key",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "started_at",
                    models.DateTimeField(
                        db_comment="When its person signed in", default=timezone.now
                    ),
                ),
                (
                    "last_seen_at",
                    models.DateTimeField(db_comment="Exact to a minute", default=timezone.now),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wal_position",
                    models.BigIntegerField(
                        db_comment="The byte of WAL up to which it has written; NULL: see replicas",
                        null=True,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "db_table": "sessions",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SignIn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(default=timezone.now)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("ok", "Signed in"),
                            ("refused", "Wrong password or code"),
                            ("limited", "Not tried: too many wrong attempts"),
                        ],
                        max_length=10,
                    ),
                ),
                ("method", models.CharField(blank=True, default="", max_length=20)),
                ("device", models.CharField(max_length=100)),
                ("place", models.CharField(max_length=200)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=models.CASCADE,
                        related_name="sign_ins",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "sign_ins",
                "db_table_comment": "Sign-ins and refused attempts, in words",
                "indexes": [models.Index(fields=["user", "-at"], name="sign_ins_of_user")],
            },
        ),
        migrations.CreateModel(
            name="StatusChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("from_status", models.CharField(max_length=10)),
                ("to_status", models.CharField(max_length=10)),
                (
                    "reason",
                    models.CharField(
                        db_comment="For colleagues; never shown to the owner", max_length=500
                    ),
                ),
                (
                    "message",
                    models.CharField(
                        blank=True, db_comment="What the owner reads", default="", max_length=500
                    ),
                ),
                ("created_at", models.DateTimeField(default=timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="status_changes",
                        to="accounts.account",
                    ),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "account_status_changes", "ordering": ("-created_at",)},
        ),
        # Room on each page for new versions of its rows: a balance then changes in place (HOT),
        # without an entry in any index.
        migrations.RunSQL(
            "ALTER TABLE accounts SET (fillfactor = 80)", "ALTER TABLE accounts RESET (fillfactor)"
        ),
        # Both columns, so that the minor units of a currency with accounts never change.
        migrations.RunSQL(
            """
            ALTER TABLE accounts ADD CONSTRAINT account_currency_exists
            FOREIGN KEY (currency, minor_units) REFERENCES currencies (code, minor_units)
            """,
            "ALTER TABLE accounts DROP CONSTRAINT account_currency_exists",
        ),
    ]
