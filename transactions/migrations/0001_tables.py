"""Creates the tables of transactions, audits and seals, with their constraints and indexes."""

import datetime
from decimal import Decimal

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.fields.json
import django.db.models.lookups
import django.utils.timezone
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models
from django.utils import timezone

from accounts.models.fields import MoneyField
from ledger.db.ids import uuid7

# The foreign keys of both accounts include the currency, so that a transfer between two currencies
# cannot exist. No foreign key is deferrable, so that the database refuses a wrong row immediately
# and not at COMMIT.
FOREIGN_KEYS = {
    "from_account_same_currency": "(from_account_id, currency) REFERENCES accounts (id, currency)",
    "to_account_same_currency": "(to_account_id, currency) REFERENCES accounts (id, currency)",
    "captured_hold_exists": "(captures_id) REFERENCES transactions (id)",
    "reversed_original_exists": "(reverses_id) REFERENCES transactions (id)",
    "created_by_exists": "(created_by_id) REFERENCES users (id)",
}
ADD = [
    f"ALTER TABLE transactions ADD CONSTRAINT {name} FOREIGN KEY {columns}"
    for name, columns in FOREIGN_KEYS.items()
]
DROP = [f"ALTER TABLE transactions DROP CONSTRAINT {name}" for name in FOREIGN_KEYS]


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0009_currencies")]

    operations = [
        migrations.CreateModel(
            name="AuditRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                (
                    "since",
                    models.DateTimeField(
                        db_comment="Only rows booked from then on; null: all", null=True
                    ),
                ),
                ("accounts", models.BigIntegerField()),
                ("transactions", models.BigIntegerField(db_comment="How many rows were checked")),
                ("findings", models.JSONField(default=list)),
                (
                    "run_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "audit run",
                "verbose_name_plural": "audit and seals",
                "db_table": "audit_runs",
                "db_table_comment": "What each audit found; inserted once, never changed",
                "ordering": ("-started_at", "-id"),
                "permissions": [("run_audit", "Can run the audit")],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "started_at__gte",
                                datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            ),
                            models.Q(
                                ("since__isnull", True),
                                models.Q(
                                    (
                                        "since__gte",
                                        datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                    (
                                        "since__lt",
                                        datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                    ),
                                ),
                                _connector="OR",
                            ),
                            models.lookups.Exact(
                                models.Func(
                                    "findings",
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("array"),
                            ),
                        ),
                        name="audit_run_readable",
                        violation_error_message="An audit has finite times and a list of findings.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("started_at__lte", models.F("finished_at"))),
                        name="audit_run_times_rise",
                        violation_error_message="An audit ends after it begins.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Transaction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Also the idempotency key",
                        default=uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "amount",
                    MoneyField(
                        db_comment="Always positive; the sides say the direction",
                        decimal_places=4,
                        max_digits=19,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("transfer", "Transfer"),
                            ("deposit", "Deposit"),
                            ("withdrawal", "Withdrawal"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("completed", "Completed"),
                            ("captured", "Captured"),
                            ("voided", "Voided"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("description", models.CharField(blank=True, default="", max_length=500)),
                ("reference", models.CharField(blank=True, default="", max_length=140)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "category",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.fields.json.KeyTextTransform(
                            "category", "metadata"
                        ),
                        output_field=models.TextField(),
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_comment="Booking time; strictly rises within each account",
                        default=timezone.now,
                    ),
                ),
                (
                    "value_date",
                    models.DateField(
                        db_comment="The day from which it counts",
                        default=django.utils.timezone.localdate,
                    ),
                ),
                (
                    "from_balance",
                    MoneyField(
                        db_comment="Balance of the sender right after",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                (
                    "to_balance",
                    MoneyField(
                        db_comment="Balance of the recipient right after",
                        decimal_places=4,
                        max_digits=19,
                        null=True,
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            models.Func(
                                models.Func(
                                    models.F("description"),
                                    template="setweight(coalesce(search_words(%(expressions)s), ''), 'A')",
                                ),
                                models.Func(
                                    models.F("reference"),
                                    template="setweight(coalesce(search_words(%(expressions)s), ''), 'B')",
                                ),
                                models.Func(
                                    models.F("metadata"),
                                    template="setweight(coalesce(search_words(%(expressions)s), ''), 'C')",
                                ),
                                arg_joiner=" || ",
                                output_field=SearchVectorField(),
                                template="(%(expressions)s)",
                            ),
                            models.Func(
                                models.Func(
                                    models.F("from_account"),
                                    template="'@' || right(%(expressions)s::text, 12)",
                                ),
                                models.Func(
                                    models.F("to_account"),
                                    template="'@' || right(%(expressions)s::text, 12)",
                                ),
                                template="array_to_tsvector(array_remove(ARRAY[%(expressions)s], NULL))",
                            ),
                            arg_joiner=" || ",
                            output_field=SearchVectorField(),
                            template="(%(expressions)s)",
                        ),
                        output_field=SearchVectorField(),
                    ),
                ),
                (
                    "captures",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="captured_by",
                        to="transactions.transaction",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "from_account",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="sent",
                        to="accounts.account",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="reversals",
                        to="transactions.transaction",
                    ),
                ),
                (
                    "to_account",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="received",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "db_table": "transactions",
                "db_table_comment": "Every movement of money; inserted once, never changed",
                "permissions": [
                    ("use_cash_desk", "Can deposit and withdraw at the cash desk"),
                    ("refund_transactions", "Can refund transactions, whole or in part"),
                    ("manage_holds", "Can place, capture and release holds"),
                ],
                "indexes": [
                    models.Index(
                        fields=["from_account", "created_at"], name="transactions_from_created"
                    ),
                    models.Index(
                        fields=["to_account", "created_at"], name="transactions_to_created"
                    ),
                    GinIndex(
                        fields=["search"], gin_pending_list_limit=64, name="transactions_search"
                    ),
                    GinIndex(
                        fields=["metadata"],
                        gin_pending_list_limit=64,
                        name="transactions_metadata",
                        opclasses=["jsonb_path_ops"],
                    ),
                    models.Index(
                        condition=models.Q(("status", "pending")),
                        fields=["from_account", "expires_at"],
                        name="transactions_pending",
                    ),
                    models.Index(
                        condition=models.Q(("status", "voided")),
                        fields=["from_account", "created_at"],
                        name="transactions_voided",
                    ),
                    models.Index(
                        condition=models.Q(("reverses__isnull", False)),
                        fields=["reverses"],
                        name="transactions_reversals",
                    ),
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["created_at"], name="transactions_times"
                    ),
                    models.Index(
                        models.Func(
                            models.F("created_at"),
                            output_field=models.DateTimeField(),
                            template="(%(expressions)s AT TIME ZONE 'UTC')",
                        ),
                        name="transactions_newest",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__gt", 0), ("amount__lte", Decimal("999999999999999.9999"))
                        ),
                        name="positive_amount",
                        violation_error_message="An amount is above zero.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("from_account__isnull", False),
                                ("to_account__isnull", False),
                                ("type", "transfer"),
                                models.Q(("from_account", models.F("to_account")), _negated=True),
                            ),
                            models.Q(
                                ("from_account__isnull", True),
                                ("to_account__isnull", False),
                                ("type", "deposit"),
                            ),
                            models.Q(
                                ("from_account__isnull", False),
                                ("to_account__isnull", True),
                                ("type", "withdrawal"),
                            ),
                            _connector="OR",
                        ),
                        name="sides_match_type",
                        violation_error_message="A transfer has two different accounts, a deposit no sender, a withdrawal no recipient.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["pending", "completed", "captured", "voided"])
                        ),
                        name="transaction_status_valid",
                        violation_error_message="A status is pending, completed, captured or voided.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.lookups.Exact(
                                models.Func(
                                    "metadata",
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("object"),
                            )
                        ),
                        name="metadata_is_object",
                        violation_error_message="Metadata is a JSON object.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.lookups.LessThanOrEqual(
                                models.Func(
                                    "metadata",
                                    output_field=models.IntegerField(),
                                    template="octet_length(%(expressions)s::text)",
                                ),
                                16384,
                            )
                        ),
                        name="metadata_within_limit",
                        violation_error_message="Metadata takes at most 16 KiB.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status", "completed"),
                                models.Q(
                                    models.Q(
                                        ("from_account__isnull", True),
                                        ("from_balance__isnull", True),
                                    ),
                                    models.Q(
                                        ("from_account__isnull", False),
                                        ("from_balance__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                models.Q(
                                    models.Q(
                                        ("to_account__isnull", True), ("to_balance__isnull", True)
                                    ),
                                    models.Q(
                                        ("to_account__isnull", False), ("to_balance__isnull", False)
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            models.Q(
                                models.Q(("status", "completed"), _negated=True),
                                ("from_balance__isnull", True),
                                ("to_balance__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="balances_when_completed",
                        violation_error_message="A completed row carries the balance of each side; any other row none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("from_balance__isnull", True),
                                ("from_balance__lte", Decimal("999999999999999.9999")),
                                _connector="OR",
                            ),
                            models.Q(
                                ("to_balance__isnull", True),
                                ("to_balance__lte", Decimal("999999999999999.9999")),
                                _connector="OR",
                            ),
                            (
                                "created_at__gte",
                                datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            ),
                            (
                                "created_at__lt",
                                datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            ),
                            ("value_date__gte", datetime.date(1900, 1, 1)),
                            ("value_date__lt", datetime.date(9999, 1, 1)),
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
                        ),
                        name="transaction_values_finite",
                        violation_error_message="Balances and times are finite.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True),
                            models.Q(("status", "completed"), _negated=True),
                            _connector="OR",
                        ),
                        name="only_holds_expire",
                        violation_error_message="Only a hold expires.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("captures__isnull", True), ("reverses__isnull", True), _connector="OR"
                        ),
                        name="captures_or_reverses",
                        violation_error_message="A row captures a hold or reverses a payment, never both.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("captures__isnull", False)),
                        fields=("captures",),
                        name="hold_captured_once",
                        violation_error_message="A hold is captured once.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NamesAsked",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField(db_comment="In the bank's time zone")),
                (
                    "count",
                    models.PositiveIntegerField(
                        db_comment="Names compared that were not the holder's, close ones too",
                        default=0,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "numbers",
                    models.PositiveIntegerField(
                        db_comment="Account numbers of strangers that could not be paid",
                        db_default=0,
                        default=0,
                    ),
                ),
            ],
            options={
                "db_table": "payment_names_asked",
                "db_table_comment": "So that nobody collects names or account numbers by typing guesses",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "day"),
                        name="names_asked_once_a_day",
                        violation_error_message="A person has one count of names per day.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedReport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_comment="Made of the owner and the name",
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("report", models.CharField(db_comment="Its name in addresses", max_length=60)),
                (
                    "parameters",
                    models.JSONField(
                        blank=True, db_comment="Texts, as in the address", default=dict
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        db_comment="Whose members may open it, too",
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_reports",
                "db_table_comment": "Reports that people saved under a name, with their parameters",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.lookups.Exact(
                                models.Func(
                                    models.F("parameters"),
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("object"),
                            )
                        ),
                        name="saved_report_parameters_are_object",
                        violation_error_message="Parameters are an object of texts.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.PositiveIntegerField(primary_key=True, serialize=False)),
                (
                    "version",
                    models.PositiveSmallIntegerField(
                        db_comment="Of the text that is digested", default=1
                    ),
                ),
                ("starts_at", models.DateTimeField(unique=True)),
                (
                    "ends_at",
                    models.DateTimeField(db_comment="The period ends before it", unique=True),
                ),
                ("row_count", models.BigIntegerField()),
                (
                    "sums",
                    models.JSONField(db_comment="Completed amounts per currency and type, as text"),
                ),
                ("previous_digest", models.BinaryField(null=True)),
                (
                    "digest",
                    models.BinaryField(
                        db_comment="SHA-256 over all this, the days and the seal before"
                    ),
                ),
                ("sealed_at", models.DateTimeField()),
                (
                    "sealed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "seals",
                "db_table_comment": "Closed periods; inserted once, never changed",
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("row_count__gte", 0), ("starts_at__lt", models.F("ends_at"))
                        ),
                        name="seal_period_valid",
                        violation_error_message="A period ends after it begins.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("number", 1),
                                ("previous_digest__isnull", True),
                                (
                                    "starts_at",
                                    datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                ),
                            ),
                            models.Q(
                                ("number__gt", 1),
                                ("previous_digest__isnull", False),
                                (
                                    "starts_at__gt",
                                    datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="first_seal_begins_the_books",
                        violation_error_message="Only the first seal has no seal before it, and starts at the beginning of the books.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.lookups.Exact(
                                models.Func(
                                    "digest",
                                    function="octet_length",
                                    output_field=models.BigIntegerField(),
                                ),
                                models.Value(32),
                            )
                        ),
                        name="seal_digest_is_sha256",
                        violation_error_message="A digest is 32 bytes.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SealedDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("row_count", models.BigIntegerField()),
                ("digest", models.BinaryField()),
                ("fingerprints", models.BinaryField()),
                (
                    "seal",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="days", to="transactions.seal"
                    ),
                ),
            ],
            options={
                "db_table": "sealed_days",
                "db_table_comment": "The days of the sealed periods; inserted once, never changed",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("row_count__gt", 0),
                            models.lookups.Exact(
                                models.Func(
                                    "digest",
                                    function="octet_length",
                                    output_field=models.BigIntegerField(),
                                ),
                                models.Value(32),
                            ),
                            models.lookups.Exact(
                                models.Func(
                                    "fingerprints",
                                    function="octet_length",
                                    output_field=models.BigIntegerField(),
                                ),
                                models.expressions.CombinedExpression(
                                    models.F("row_count"), "*", models.Value(4)
                                ),
                            ),
                        ),
                        name="sealed_day_valid",
                        violation_error_message="A sealed day has rows, and a fingerprint of each.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SealedTransaction",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("transactions.transaction",),
        ),
        migrations.CreateModel(
            name="StaffReason",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("refund", "Refunded"),
                            ("hold", "Held"),
                            ("capture", "Captured"),
                            ("release", "Released"),
                            ("file", "Paid from a file"),
                        ],
                        max_length=10,
                    ),
                ),
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
                    "transaction",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="reasons",
                        to="transactions.transaction",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "transaction_notes",
                "db_table_comment": "Why staff refunded, held, captured, released, paid from a file",
                "ordering": ("created_at",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("transaction", "action"),
                        name="note_once_per_transaction_and_action",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("action__in", ["refund", "hold", "capture", "release", "file"])
                        ),
                        name="note_action_valid",
                        violation_error_message="A reason belongs to a refund, hold, capture, release or payment from a file.",
                    ),
                ],
            },
        ),
        migrations.RunSQL(ADD, DROP),
    ]
