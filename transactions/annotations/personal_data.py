"""Exports and erases a person's notes and tags."""

from collections.abc import Iterable, Iterator

from django.db.models import Q

from accounts.models import User
from transactions.annotations.models import Annotation
from transactions.privacy.personal_data import DataSection, PersonalData, Row, read, register
from transactions.privacy.traces import Erased, Traces, naming


def _notes(person: User) -> Iterable[Row]:
    notes = Annotation.objects.filter(owner=person).order_by("created_at")
    return read(notes, "transaction_id", "text", "tags", "created_at")


def _texts(traces: Traces) -> Iterator[Erased]:
    """Yields the texts to erase: all notes by the person, and the notes by other people that
    contain the person's name or address. Notes by the person are deleted. Notes by other people
    become empty.
    """
    yield Erased(Annotation.objects.filter(owner=traces.person), None)
    yield from naming(traces, Annotation, Q(owner__in=traces.known), {"text": ""})


register(
    PersonalData(
        sections=(DataSection("notes", ("transaction", "text", "tags", "written"), _notes),),
        texts=_texts,
        never_change=("annotations",),
    )
)
