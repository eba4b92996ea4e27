"""Where the content of attachments is: in its row, or in S3 under the id of its row.

Note [Content in S3]: the row is there before its content is, and after it was deleted. So each
object has its row, and whoever removes or erases rows finds every object. A row without its content
says so when it is opened, and can be removed; who sends the same form again stores the content.
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
AWAY = "Receipts are not available at the moment. Try again in a minute."


class StorageFailed(LedgerError):
    """S3 did not take, give or delete a file."""


def is_outside() -> bool:
    """Whether new content goes to S3."""
    return ALIAS in settings.STORAGES


def put(attachment: Attachment, content: bytes) -> None:
    """Stores the content outside. Raises StorageFailed."""
    with _outside() as outside:
        outside.save(_key(attachment.pk), io.BytesIO(content))


def content_of(attachment: Attachment) -> bytes | None:
    """The content; None if it is not where its row says. Raises StorageFailed."""
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
    """Whether the content should be outside, and is not there. Raises StorageFailed."""
    return is_outside() and content_of(attachment) is None


def delete_outside(attachments: Iterable[UUID]) -> None:
    """Deletes what is outside of these, before their rows. Raises StorageFailed."""
    if is_outside():
        with _outside() as outside:
            for pk in attachments:
                outside.delete(_key(pk))


@contextmanager
def _outside() -> Iterator[Storage]:
    """The storage; whatever its client raises becomes StorageFailed."""
    try:
        yield storages[ALIAS]
    except FileNotFoundError:
        raise
    except Exception as error:
        logger.exception("The storage of attachments has failed.")
        raise StorageFailed(AWAY) from error


def _key(pk: UUID) -> str:
    return f"attachments/{pk}"
