"""Stores annotations: an owner's note and tags on a transaction. Each change is a new version."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import User
from accounts.refusal_counts import counts_refusals
from ledger.db.retry import run_with_retry
from ledger.text.dates import MICROSECOND
from ledger.text.lines import encodes, is_readable, shortened, tidy_line
from transactions.annotations.models import Annotation
from transactions.annotations.models.annotation import LONGEST_TAG, MAX_TAGS, TEXT_LIMIT
from transactions.exceptions import InvalidDetails, NoteChanged, TransactionNotFound
from transactions.models import Transaction

MAX_SHOWN = 20  # max. number of versions in a history
TYPED = 10  # A typed text may be this many times the limit, because tidying shortens it.
NOTE_CHANGED = (
    "Your note was changed in another window. The current version is above. Save to "
    "replace the current version."
)
TAG_CATEGORIES = "LMN"  # Unicode: letters, marks (accents of some scripts) and digits


@dataclass(frozen=True, slots=True)
class AnnotationHistory:
    """An owner's current note and tags on a transaction, and the earlier versions.

    `history` contains the newest MAX_SHOWN versions, newest first. The first item is the current
    version. `changes` is the number of all versions minus one.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    history: tuple[Annotation, ...] = ()
    changes: int = 0

    @property
    def id(self) -> str:
        """The id of the current version, or "" if there is no version."""
        return str(self.history[0].pk) if self.history else ""

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.tags)

    @property
    def is_cut(self) -> bool:
        """Whether `history` is incomplete."""
        return self.changes >= len(self.history) > 0


@counts_refusals
def annotate(
    *,
    transaction: Transaction,
    owner: User,
    text: str = "",
    tags: Iterable[str] = (),
    replaces: str | None = None,
) -> Annotation | None:
    """Stores an owner's note and tags on a transaction as a new version, and returns this version.
    Empty text and tags remove the note, but earlier versions stay in the history. If nothing
    changes, writes nothing and returns the current version, or None if there is no version.

    `replaces` is the `AnnotationHistory.id` that the page showed. If `replaces` is None, the
    current version is not checked.

    Raises TransactionNotFound if the owner has no account in the transaction, InvalidDetails if the
    text or tags cannot be stored, and NoteChanged if the current version is not `replaces`.
    """
    tidied_text, tidied_tags = tidy_text(text), tidy_tags(tags)
    if not Transaction.objects.visible_to(owner).filter(pk=transaction.pk).exists():
        raise TransactionNotFound("You have no transaction with this id.")

    def attempt() -> Annotation | None:
        with db_transaction.atomic(durable=True):
            return _write(transaction, owner, tidied_text, tidied_tags, replaces)

    # Safe to repeat after a lost COMMIT, because the second call finds the new version and writes
    # nothing.
    return run_with_retry(attempt, find_out_first=lambda: None)


def _write(
    transaction: Transaction, owner: User, text: str, tags: list[str], replaces: str | None
) -> Annotation | None:
    """Writes a new version and returns it. If nothing changes, returns the current version. Locks
    the owner, so that each version is later than the previous version.
    """
    User.objects.lock_active(owner.pk)
    before = Annotation.objects.of(owner).about(transaction).newest_first().first()
    if (before.text, before.tags) == (text, tags) if before else not (text or tags):
        return before
    if replaces is not None and replaces != (str(before.pk) if before else ""):
        raise NoteChanged(NOTE_CHANGED)
    moment = timezone.now()
    if before is not None:
        moment = max(moment, before.created_at + MICROSECOND)
    return Annotation.objects.create(
        transaction=transaction, owner=owner, text=text, tags=tags, created_at=moment
    )


def annotation_history(transaction: Transaction, owner: User) -> AnnotationHistory:
    """Returns an owner's note and tags on a transaction, with the earlier versions. Sends one
    query, or two queries if there are more than MAX_SHOWN versions.
    """
    versions = Annotation.objects.of(owner).about(transaction).defer("search").newest_first()
    history = list(versions[: MAX_SHOWN + 1])
    if not history:
        return AnnotationHistory()
    count = versions.count() if len(history) > MAX_SHOWN else len(history)
    current = history[0]
    shown = tuple(history[:MAX_SHOWN])
    return AnnotationHistory(current.text, tuple(current.tags), shown, count - 1)


def tidy_text(text: str) -> str:
    """Returns the text without invisible characters. Raises InvalidDetails if the text is too long
    or cannot be stored.
    """
    _check_encoding(text)
    _check_typed(len(text), TEXT_LIMIT, f"The note has at most {TEXT_LIMIT} characters")
    lines = [tidy_line(line) for line in text.splitlines()]
    # Keeps one empty line between two paragraphs.
    lines = [line for before, line in pairwise(["", *lines]) if line or before]
    tidy = "\n".join(lines).strip()
    if len(tidy) > TEXT_LIMIT:
        raise InvalidDetails(
            f"The note has {len(tidy):,} characters. The limit is {TEXT_LIMIT}. Shorten the note."
        )
    return tidy


def tidy_tags(tags: Iterable[str]) -> list[str]:
    """Returns the tags in lower case and in the given order, without duplicates.

    Raises InvalidDetails for too many tags, and for a tag that is not one word.
    """
    tags = list(tags)
    if len(tags) > TYPED * MAX_TAGS:
        raise InvalidDetails(_too_many(len(tags)))
    tidy = list(dict.fromkeys(tag for tag in map(tidy_tag, tags) if tag))
    if len(tidy) > MAX_TAGS:
        raise InvalidDetails(_too_many(len(tidy)))
    return tidy


def _too_many(tags: int) -> str:
    return f"{tags:,} tags are too many. Remove some tags. Limit: {MAX_TAGS}."


def tidy_tag(tag: str) -> str:
    """Returns the tag as it is stored: "holiday" for "#Holiday". Raises InvalidDetails if the tag
    is not one word.
    """
    _check_encoding(tag)
    _check_typed(len(tag), LONGEST_TAG, f"A tag has at most {LONGEST_TAG} letters")
    word = tidy_line(tag).removeprefix("#").lower()
    if not word:
        return ""
    quoted = shortened(word, LONGEST_TAG)
    others = [c for c in word if unicodedata.category(c)[0] not in TAG_CATEGORIES and c not in "-_"]
    if others or not is_readable(word):
        raise InvalidDetails(
            f"“{quoted}” is not a tag. A tag is one word of letters, digits, - and _."
        )
    if len(word) > LONGEST_TAG:
        raise InvalidDetails(
            f"“{quoted}” has {len(word)} letters. A tag has at most {LONGEST_TAG} letters."
        )
    return word


def _check_typed(count: int, limit: int, rule: str) -> None:
    """Raises InvalidDetails if `count`, the size of a typed text, exceeds `limit` times TYPED."""
    if count > TYPED * limit:
        raise InvalidDetails(f"{rule}, and you typed {count:,}. Shorten the text.")


def _check_encoding(text: str) -> None:
    """Raises InvalidDetails if the text contains a lone surrogate, which UTF-8 cannot encode."""
    if not encodes(text):
        raise InvalidDetails(
            "The text has a character that cannot be stored. Remove this character."
        )
