"""`Annotation`, the model of an owner's private note and tags on a transaction. The transaction
never changes.
"""

import uuid
from typing import ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import F, Func, OuterRef, Q, Subquery, Value
from django.utils import timezone

from accounts.models import EARLIEST, LATEST, User
from ledger.db.history.register import registered
from ledger.db.ids import pk_of, uuid7
from ledger.db.queries.words import joined, words_of
from ledger.db.triggers import FirmTrigger, refuse, stays
from transactions.models.transaction import PENDING, Transaction

TEXT_LIMIT = 500  # characters
MAX_TAGS = 20
LONGEST_TAG = 30  # characters

# Note [Tag lexemes]: the search column contains the words of the text (weight A), the words of the
# tags (B), and each whole tag as "#tag". The search "2026" finds the tag rent-2026, because 2026 is
# a word of the tag; the search "#rent" does not find it. A generated column may call only immutable
# functions. array_to_string is not immutable, so the tags are converted to a tsvector, whose
# conversion to text is immutable. A tag has no character that Postgres would escape in that text.
TAGS_PRINTED = Func(
    F("tags"),
    template="array_to_tsvector(%(expressions)s)::text",
    output_field=models.TextField(),
)
TAG_WORDS = Func(
    TAGS_PRINTED,
    template="setweight(search_words(%(expressions)s), 'B')",
)
WHOLE_TAGS = Func(
    TAGS_PRINTED,
    template="regexp_replace(%(expressions)s, '''(\\S+)''', '''#\\1'':1B', 'g')::tsvector",
)
ANNOTATION_DOCUMENT = joined(words_of(text="A"), TAG_WORDS, WHOLE_TAGS)
# Matches tags in the format in which Postgres prints an array of one dimension. Only "null" is in
# quotes. Accepts every character beyond ASCII, because the version and the locale of Postgres
# decide which characters are letters. `transactions.annotations.services` checks the characters
# exactly.
_TAG = f'([a-z0-9_\\u00a1-\\U0010ffff-]{{1,{LONGEST_TAG}}}|"null")'
TAGS_PATTERN = f"^\\{{({_TAG}(,{_TAG}){{0,{MAX_TAGS - 1}}})?\\}}$"

OF_OWN_SIDE = FirmTrigger(
    name="annotation_of_own_side",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        IF NOT EXISTS (
            SELECT FROM transactions AS row
            JOIN accounts AS side ON side.id IN (row.from_account_id, row.to_account_id)
            WHERE row.id = NEW.transaction_id AND side.user_id = NEW.owner_id
        ) THEN
            {refuse("annotation_of_own_side", "Only the owner of a side can write a note on it.")}
        END IF;
        RETURN NEW;
    """,
)


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    """Annotations, which are private to their author. Start every query with `of(owner)`."""

    def of(self, owner: "User | uuid.UUID") -> Self:
        """Returns all annotations of this person, including outdated versions."""
        return self.filter(owner=pk_of(owner))

    def about(self, transaction: "Transaction | uuid.UUID") -> Self:
        """Returns all annotations of one transaction."""
        return self.filter(transaction=pk_of(transaction))

    def newest_first(self) -> Self:
        """Orders by time, newest first. No two annotations of an owner and transaction have the
        same time.
        """
        return self.order_by("-created_at")

    def latest(self) -> Self:  # type: ignore[override]
        """Returns only the newest annotation for each transaction and owner. Older annotations are
        outdated.

        The query uses one index look-up per row. A query with NOT EXISTS would be slow on a table
        that is not analyzed yet, because Postgres then compares each row with all other rows.
        """
        newest = Annotation.objects.filter(
            owner=OuterRef("owner"), transaction=OuterRef("transaction")
        ).newest_first()
        return self.filter(pk=Subquery(newest.values("pk")[:1]))

    def present(self) -> Self:
        """Excludes empty annotations, which record that a note was removed."""
        return self.exclude(text="", tags=[])

    def matching(self, query: SearchQuery) -> Self:
        """Returns annotations whose text or tags match the query."""
        return self.filter(search=query)


class Annotation(models.Model):
    """A note and tags that the owner of an account wrote about a transaction of this account. Staff
    and the owner of the other account cannot read the note and tags.

    A row never changes: each correction is a new row, and the newest row is valid.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    transaction = models.ForeignKey(
        "transactions.Transaction", models.PROTECT, related_name="+", db_index=False
    )
    owner = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    text = models.CharField(max_length=TEXT_LIMIT, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=LONGEST_TAG), default=list, blank=True)
    created_at = models.DateTimeField(
        default=timezone.now, db_comment="Strictly rises within an owner's transaction"
    )
    search = models.GeneratedField(
        expression=ANNOTATION_DOCUMENT, output_field=SearchVectorField(), db_persist=True
    )

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        db_table = "annotations"
        db_table_comment = "What owners note of transactions for themselves; the newest counts"
        default_permissions = ()  # only its owner, regardless of roles
        indexes: ClassVar[list[models.Index]] = [
            GinIndex(fields=["search"], name="annotations_search", gin_pending_list_limit=PENDING),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Reads use this index, too: they select by owner and transaction, newest first.
            models.UniqueConstraint(
                F("owner"),
                F("transaction"),
                F("created_at").desc(),
                name="annotation_moments_differ",
                violation_error_message="A person's notes on one transaction have different times.",
            ),
            models.CheckConstraint(
                name="annotation_tags_valid",
                condition=Q(
                    models.lookups.Exact(
                        Func(
                            F("tags"),
                            Value(TAGS_PATTERN),
                            # Keep the arguments in alphabetical order. Otherwise makemigrations
                            # reports a change.
                            arg_joiner="::text ~ ",
                            template="(%(expressions)s)",
                            output_field=models.BooleanField(),
                        ),
                        Value(True),
                    )
                ),
                violation_error_message=(
                    f"At most {MAX_TAGS} tags, each a word of at most {LONGEST_TAG} letters."
                ),
            ),
            models.CheckConstraint(
                name="annotation_time_finite",
                condition=Q(created_at__gte=EARLIEST, created_at__lt=LATEST),
                violation_error_message="A time lies between 1900 and 9999.",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            OF_OWN_SIDE,
            *registered(),
            *stays(
                "annotation_stays",
                "annotations_stay",
                "A note never changes; a new version is a new row.",
            ),
        ]

    def __str__(self) -> str:
        parts = [self.text, *(f"#{tag}" for tag in self.tags)]
        return " ".join(part for part in parts if part) or "nothing"

    @property
    def is_empty(self) -> bool:
        """Whether text and tags are empty. Such an annotation records that a note was removed."""
        return not (self.text or self.tags)
