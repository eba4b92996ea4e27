"""Owners note things of their transactions: `annotate`, and what was noted so far."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import User
from ledger.db.retry import run_with_retry
from ledger.text.lines import encodes, is_readable, shortened, tidy_line
from transactions.exceptions import InvalidDetails, NoteChanged, TransactionNotFound
from transactions.models import Annotation, Transaction
from transactions.models.annotation import LONGEST_TAG, MOST_TAGS, TEXT_LIMIT

SHOWN = 20  # earlier notes on a page
IN_TAGS = "LMN"  # letters of any script, the marks that belong to them, and digits
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class AnnotationHistory:
    """What an owner says of a transaction now, and what they said before, newest first.

    `history` has every time something was said, the present one too, `SHOWN` at most;
    `changes` counts how often it was changed after the first time.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    history: tuple[Annotation, ...] = ()
    changes: int = 0

    @property
    def id(self) -> str:
        """Which of all that was said is the present one; "" where nothing ever was."""
        return str(self.history[0].pk) if self.history else ""

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.tags)

    @property
    def is_cut(self) -> bool:
        """Whether more was said than `history` has."""
        return self.changes >= len(self.history) > 0


def annotate(
    *,
    transaction: Transaction,
    owner: User,
    text: str = "",
    tags: Iterable[str] = (),
    replaces: str | None = None,
) -> Annotation | None:
    """Keeps what an owner of a side says of a transaction, in the place of what they said before.

    Nothing said takes it away; what was said stays in the history. The same again writes
    nothing: the row that counts comes back, None where nothing was ever said. `replaces` is the
    `AnnotationHistory.id` that the owner had before them; None for whatever there is. Raises
    TransactionNotFound to whoever owns no side, InvalidDetails for what cannot be kept,
    NoteChanged where another than `replaces` is there by now.
    """
    said, labels = tidy_text(text), tidy_tags(tags)
    if not Transaction.objects.visible_to(owner).filter(pk=transaction.pk).exists():
        raise TransactionNotFound("No transaction of yours has this id.")

    def attempt() -> Annotation | None:
        with db_transaction.atomic(durable=True):
            return _write(transaction, owner, said, labels, replaces)

    # Run again after a lost COMMIT, it finds what it wrote and writes nothing.
    return run_with_retry(attempt, find_out_first=lambda: None)


def _write(
    transaction: Transaction, owner: User, text: str, tags: list[str], replaces: str | None
) -> Annotation | None:
    """One owner writes one note at a time, so that each is later than the one before."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    before = Annotation.objects.of(owner).about(transaction).newest_first().first()
    if (before.text, before.tags) == (text, tags) if before else not (text or tags):
        return before
    if replaces is not None and replaces != (str(before.pk) if before else ""):
        raise NoteChanged(
            "Your note was changed in another window meanwhile; what it says now stands above. "
            "Keep yours, and it takes the place of that."
        )
    moment = timezone.now()
    if before is not None:
        moment = max(moment, before.created_at + MICROSECOND)
    return Annotation.objects.create(
        transaction=transaction, owner=owner, text=text, tags=tags, created_at=moment
    )


def annotation_history(transaction: Transaction, owner: User) -> AnnotationHistory:
    """What an owner says of a transaction: two queries, one where there is little history."""
    mine = Annotation.objects.of(owner).about(transaction).defer("search").newest_first()
    history = list(mine[: SHOWN + 1])
    if not history:
        return AnnotationHistory()
    said = mine.count() if len(history) > SHOWN else len(history)
    now = history[0]
    return AnnotationHistory(now.text, tuple(now.tags), tuple(history[:SHOWN]), said - 1)


def tidy_text(text: str) -> str:
    """The text line by line without what nobody sees. InvalidDetails where it is too long."""
    _encoded(text)
    lines = [tidy_line(line) for line in text.splitlines()]
    # One empty line between two paragraphs is enough.
    kept = [line for before, line in pairwise(["", *lines]) if line or before]
    tidy = "\n".join(kept).strip()
    if len(tidy) > TEXT_LIMIT:
        raise InvalidDetails(
            f"The note has {len(tidy):,} characters; at most {TEXT_LIMIT} fit. Shorten it."
        )
    return tidy


def tidy_tags(tags: Iterable[str]) -> list[str]:
    """Tags as they are kept: in lower case, each once, in the order given.

    Raises InvalidDetails with a sentence for too many, or for what is no word.
    """
    kept = list(dict.fromkeys(tag for tag in map(tidy_tag, tags) if tag))
    if len(kept) > MOST_TAGS:
        raise InvalidDetails(
            f"These are {len(kept)} tags; at most {MOST_TAGS} fit. Leave some out."
        )
    return kept


def tidy_tag(tag: str) -> str:
    """ "#Holiday" is "holiday"; "" for nothing. InvalidDetails for what is no word."""
    _encoded(tag)
    word = unicodedata.normalize("NFC", tidy_line(tag).removeprefix("#").lower())
    if not word:
        return ""
    shown = shortened(word, LONGEST_TAG)
    odd = [c for c in word if unicodedata.category(c)[0] not in IN_TAGS and c not in "-_"]
    if odd or not is_readable(word):
        raise InvalidDetails(f"A tag is one word of letters, digits, - and _; “{shown}” is not.")
    if len(word) > LONGEST_TAG:
        raise InvalidDetails(f"A tag has at most {LONGEST_TAG} letters; “{shown}” has {len(word)}.")
    return word


def _encoded(text: str) -> None:
    """Raises InvalidDetails for a lone surrogate, which UTF-8 has no bytes for."""
    if not encodes(text):
        raise InvalidDetails("There is a character that cannot be stored; remove it.")
