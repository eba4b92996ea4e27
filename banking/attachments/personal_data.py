"""The personal data in attached files, for exports and erasure."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from banking.attachments.models import Attachment
from banking.attachments.storage import content_of, delete_outside
from transactions.privacy.personal_data import (
    DataSection,
    ExportedFile,
    PersonalData,
    Row,
    register,
)
from transactions.privacy.traces import Erased, Traces, naming, on_either_side


def _attachments(person: User) -> Iterable[Row]:
    """Yields the data of each attachment of the person, including its file. The export reads the
    content of a file only when it writes the file.
    """
    for each in Attachment.objects.of(person).in_order():
        file = ExportedFile(f"attachments/{each.pk}/{each.file_name}", partial(_content, each.pk))
        about = (each.transaction_id, each.file_name, each.content_type, each.size)
        yield (*about, each.created_at, file)


def _content(pk: UUID) -> bytes:
    """Returns the content of an attachment, or empty bytes if the attachment or its content no
    longer exists.
    """
    found = Attachment.objects.filter(pk=pk).first()
    return (content_of(found) if found else None) or b""


def _delete_outside(person: User) -> None:
    """Deletes the content of the person's attachments in S3.

    Raises: StorageFailed if S3 did not delete the content.
    """
    delete_outside(Attachment.objects.of(person).values_list("pk", flat=True))


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield Attachment.objects.filter(owner=person)


def _texts(traces: Traces) -> Iterator[Erased]:
    of_known = Q(owner__in=traces.known) | on_either_side(traces, "transaction__")
    yield from naming(traces, Attachment, of_known, {"name": ""})


register(
    PersonalData(
        sections=(
            DataSection(
                "attachments",
                ("transaction", "name", "type", "bytes", "added", "file"),
                _attachments,
            ),
        ),
        delete_outside=_delete_outside,
        rows=_rows,
        texts=_texts,
    )
)
