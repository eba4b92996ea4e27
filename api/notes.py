"""`/api/v1/transactions/<id>/note/` and `/api/v1/tags/`: the caller's notes and tags on
transactions.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.utils.http import parse_etags, quote_etag
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import (
    InstantField,
    StrictSerializer,
    TextField,
    TextListField,
    picked,
    row_of,
    rows_of,
    values_of,
)
from api.own_rows import own_transaction
from api.paging import known_only
from api.parameters import FIELDS
from api.views import ApiView
from transactions.annotations.models import Annotation
from transactions.annotations.search import MAX_TAGS_SHOWN, tags_in_use
from transactions.annotations.services import annotate, annotation_history
from transactions.exceptions import NoteChanged

CHANGED = "The note was changed in the meantime. Read it again, then send your new version."
NONE_YET = "none"  # in the ETag of a transaction that has never had a note
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string"},
    OpenApiParameter.HEADER,
    description="The ETag of the note to replace; status 409 if the note has another ETag.",
)


class NoteSerializer(serializers.Serializer[Any]):
    """A note with its tags. Both fields are empty if there is no note."""

    text = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    version = serializers.CharField(help_text='The id of this version; "" if there is none.')
    changed_at = InstantField(allow_null=True)


class NewNoteSerializer(StrictSerializer):
    """A note that replaces the current note. An empty text without tags removes the note."""

    text = TextField(allow_blank=True)
    tags = TextListField(max_length=1_000)
    replaces = TextField(
        required=False, allow_blank=True,
        help_text='The version to replace, or ""; status 409 if the version differs.',
    )  # fmt: skip


class TagSerializer(serializers.Serializer[Any]):
    """A tag that the caller uses."""

    tag = serializers.CharField()
    count = serializers.IntegerField(help_text="Transactions that have it.")
    last_at = InstantField(help_text="When it was last added.")


class TagsSerializer(serializers.Serializer[Any]):
    """The tags. The most used tag is first."""

    results = TagSerializer(many=True)


class Note(ApiView):
    """The caller's note and tags on a transaction. Other users cannot see them."""

    response_headers: ClassVar = {"GET": ["ETag"], "PUT": ["ETag"]}

    @extend_schema(operation_id="notes_read", responses=NoteSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Returns the caller's note and tags on a transaction. The header ETag contains the version
        of the note.
        """
        known_only(request)
        row = own_transaction(self.caller.person, pk)
        newest = next(iter(annotation_history(row, self.caller.person).history), None)
        return self._answer(newest)

    @extend_schema(
        operation_id="notes_write",
        parameters=[IF_MATCH],
        request=NewNoteSerializer,
        responses=NoteSerializer,
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Replaces the note. If the request contains `If-Match` or `replaces`, the note is replaced
        only if its version matches. A repeated request changes nothing.
        """
        known_only(request)
        row = own_transaction(self.caller.person, pk)
        data: dict[str, Any] = values_of(NewNoteSerializer, request.data)
        replaces = _replaced(request, data.get("replaces"))
        try:
            stored = annotate(
                transaction=row,
                owner=self.caller.person,
                text=data["text"],
                tags=data["tags"],
                replaces=replaces,
            )
        except NoteChanged:
            raise NoteChanged(CHANGED) from None
        return self._answer(stored)

    def _answer(self, note: Annotation | None) -> Response:
        found = {
            "text": note.text if note else "",
            "tags": note.tags if note else [],
            "version": str(note.pk) if note else "",
            "changed_at": note.created_at if note else None,
        }
        etag = quote_etag(str(found["version"] or NONE_YET))
        return Response(row_of(NoteSerializer, found), headers={"ETag": etag})


def _replaced(request: Request, named: str | None) -> str | None:
    """Returns the version of the note that the caller wants to replace, from the header `If-Match`
    or from the field `replaces`. Returns None if the caller has not named a version, or has sent
    `If-Match: *`. The current note is then replaced, whatever its version.
    """
    given = request.headers.get("If-Match")
    if given is None:
        return named
    etags = [etag.strip('"') for etag in parse_etags(given)]
    if len(etags) != 1 or named is not None:
        why = "Send one version: as the ETag in If-Match, or in replaces."
        raise ValidationError({"If-Match": [why]})
    (version,) = etags
    if version == "*":
        return None
    return "" if version == NONE_YET else version


class TagList(ApiView):
    """The caller's tags."""

    @extend_schema(operation_id="tags_list", parameters=[FIELDS], responses=TagsSerializer)
    def get(self, request: Request) -> Response:
        """Returns the tags that the caller uses. The most used tag is first."""
        known_only(request)
        rows = rows_of(TagSerializer, tags_in_use(self.caller.person, most=MAX_TAGS_SHOWN))
        return Response({"results": picked(rows, request.query_params.get("fields"))})
