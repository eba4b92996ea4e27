"""Renderers of responses, and content negotiation."""

from collections.abc import Iterable
from typing import Any

from rest_framework import renderers
from rest_framework.exceptions import NotAcceptable, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.utils import encoders

from ledger.db.json_numbers import WritesExactNumbers

NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"


class Negotiation(DefaultContentNegotiation):
    """Content negotiation by `format=` and `Accept`. A refusal lists what is available."""

    def filter_renderers(self, renderers: Iterable[Any], format: str) -> list[Any]:
        """Returns the renderers of this format.

        Raises: ValidationError.
        """
        there = list(renderers)
        if found := [each for each in there if each.format == format]:
            return found
        formats = ", ".join(each.format for each in there)
        raise ValidationError({"format": [f"Formats of this address: {formats}."]})

    def select_renderer(self, request: Any, renderers: Any, *suffix: Any) -> Any:
        """Returns the renderer and its media type.

        Raises: NotAcceptable.
        """
        try:
            return super().select_renderer(request, renderers, *suffix)
        except NotAcceptable:
            types = ", ".join(each.media_type for each in renderers)
            raise NotAcceptable(f"Accept has no type of this address: {types}.") from None


class AnswerEncoder(WritesExactNumbers, encoders.JSONEncoder):
    """An encoder that writes the numbers of metadata as they were sent."""


class JSONRenderer(renderers.JSONRenderer):
    """The renderer of JSON."""

    encoder_class = AnswerEncoder


class NDJSONRenderer(JSONRenderer):
    """One line of JSON for each result. For content negotiation only: views stream it
    themselves.
    """

    media_type, format = NDJSON, "ndjson"


class CSVRenderer(JSONRenderer):
    """A table for spreadsheets. For content negotiation only: views stream it themselves."""

    media_type, format = "text/csv", "csv"


class EventStreamRenderer(JSONRenderer):
    """Server-sent events. For content negotiation only: the view writes them itself."""

    media_type, format = EVENT_STREAM, "events"


class PDFRenderer(JSONRenderer):
    """The media type of PDF, for content negotiation only: a view writes the file itself. The same
    applies to the renderers below.
    """

    media_type, format = "application/pdf", "pdf"


class XLSXRenderer(JSONRenderer):
    """A spreadsheet workbook."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    format = "xlsx"


class OFXRenderer(JSONRenderer):
    """The media type of OFX 2."""

    media_type, format = "application/x-ofx", "ofx"


class QIFRenderer(JSONRenderer):
    """The media type of QIF."""

    media_type, format = "application/x-qif", "qif"


class CAMT053Renderer(JSONRenderer):
    """The media type of camt.053."""

    media_type, format = "application/octet-stream", "xml"


class MT940Renderer(JSONRenderer):
    """The media type of MT940."""

    media_type, format = "text/plain", "sta"


STATEMENT_FILES = [
    JSONRenderer, CSVRenderer, PDFRenderer, XLSXRenderer, OFXRenderer, QIFRenderer,
    CAMT053Renderer, MT940Renderer,
]  # fmt: skip
__all__ = [
    "EVENT_STREAM", "NDJSON", "STATEMENT_FILES", "CSVRenderer", "EventStreamRenderer",
    "JSONRenderer", "NDJSONRenderer",
]  # fmt: skip
