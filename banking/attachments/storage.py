"""Stores the content of attachments in the database, or in S3 under the id of the row.

Note [Content in S3]: the row is inserted before its content is stored, and deleted after its
content is deleted. So each object in S3 has a row. Code that removes or erases rows therefore finds
every object. If the content of a row is missing, a user who opens the file sees a message. The user
can then remove the attachment, or attach the same file again.
"""

import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.core.files.storage import Storage, storages

from banking.attachments.models import Attachment
from transactions.exceptions import LedgerError

logger = logging.getLogger(__name__)
ALIAS = "attachments"
UNAVAILABLE = "Receipts are not available at the moment. Try again in a minute."


class StorageFailed(LedgerError):
    """The file store did not store, return or delete a file."""


def is_outside() -> bool:
    """Returns whether new content is stored in S3."""
    return ALIAS in settings.STORAGES


def put(attachment: Attachment, content: bytes) -> None:
    """Stores the content of the attachment in S3.

    Raises: StorageFailed if S3 does not accept the content.
    """
    with _outside() as outside:
        outside.save(_key(attachment.pk), io.BytesIO(content))


def content_of(attachment: Attachment) -> bytes | None:
    """Returns the content of the attachment. Returns None if the content is missing, or if the
    content in S3 has the wrong size.

    Raises: StorageFailed if S3 does not answer.
    """
    if attachment.content is not None:
        return bytes(attachment.content)
    if not is_outside():
        return None
    try:
        with _outside() as outside, outside.open(_key(attachment.pk)) as file:
            content: bytes = file.read()
    except FileNotFoundError:
        return None
    return content if len(content) == attachment.size else None


def is_missing(attachment: Attachment) -> bool:
    """Returns whether the content should be in S3, but is missing there or has the wrong size.

    Raises: StorageFailed if S3 does not answer.
    """
    return is_outside() and content_of(attachment) is None


def delete_outside(attachments: Iterable[UUID]) -> None:
    """Deletes the content of these attachments in S3. Must be called before their rows are deleted.

    Raises: StorageFailed if S3 does not delete the content.
    """
    if is_outside():
        with _outside() as outside:
            for pk in attachments:
                outside.delete(_key(pk))


@contextmanager
def _outside() -> Iterator[Storage]:
    """Yields the S3 storage. Converts storage errors to StorageFailed, except FileNotFoundError."""
    try:
        yield storages[ALIAS]
    except FileNotFoundError:
        raise
    except Exception as error:
        logger.exception("The storage of attachments has failed.")
        raise StorageFailed(UNAVAILABLE) from error


def _key(pk: UUID) -> str:
    return f"attachments/{pk}"
