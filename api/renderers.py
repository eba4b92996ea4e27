"""Renderers of responses, and the selection of the response format."""

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
    """Selects the response format by the parameter `format=` and the header `Accept`. A refusal
    lists the available formats.
    """

    def filter_renderers(self, renderers: Iterable[Any], format: str) -> list[Any]:
        """Returns the renderers for this format.

        Raises: ValidationError if there is none.
        """
        there = list(renderers)
        if found := [each for each in there if each.format == format]:
            return found
        formats = ", ".join(each.format for each in there)
        raise ValidationError({"format": [f"Formats of this address: {formats}."]})

    def select_renderer(self, request: Any, renderers: Any, *suffix: Any) -> Any:
        """Returns the renderer and its media type.

        Raises: NotAcceptable if the header Accept excludes all formats.
        """
        try:
            return super().select_renderer(request, renderers, *suffix)
        except NotAcceptable:
            types = ", ".join(each.media_type for each in renderers)
            raise NotAcceptable(f"Accept has no type of this address: {types}.") from None


class AnswerEncoder(WritesExactNumbers, encoders.JSONEncoder):
    """An encoder that writes numbers in metadata with all digits that the caller has sent."""


class JSONRenderer(renderers.JSONRenderer):
    """The renderer for JSON."""

    encoder_class = AnswerEncoder


class NDJSONRenderer(JSONRenderer):
    """The format NDJSON, with one line of JSON for each result. The class is used only to select
    the format. Views write the lines themselves.
    """

    media_type, format = NDJSON, "ndjson"


class CSVRenderer(JSONRenderer):
    """The format CSV, a table for spreadsheets. The class is used only to select the format. Views
    write the table themselves.
    """

    media_type, format = "text/csv", "csv"


class EventStreamRenderer(JSONRenderer):
    """The format of server-sent events. The class is used only to select the format. The view
    writes the events itself.
    """

    media_type, format = EVENT_STREAM, "events"


class PDFRenderer(JSONRenderer):
    """The format PDF. This class and the classes below are used only to select the format. The view
    writes the file itself.
    """

    media_type, format = "application/pdf", "pdf"


class XLSXRenderer(JSONRenderer):
    """The format of spreadsheet workbooks."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    format = "xlsx"


class OFXRenderer(JSONRenderer):
    """The format OFX 2."""

    media_type, format = "application/x-ofx", "ofx"


class QIFRenderer(JSONRenderer):
    """The format QIF."""

    media_type, format = "application/x-qif", "qif"


class CAMT053Renderer(JSONRenderer):
    """The format camt.053."""

    media_type, format = "application/octet-stream", "xml"


class MT940Renderer(JSONRenderer):
    """The format MT940."""

    media_type, format = "text/plain", "sta"


STATEMENT_FILES = [
    JSONRenderer, CSVRenderer, PDFRenderer, XLSXRenderer, OFXRenderer, QIFRenderer,
    CAMT053Renderer, MT940Renderer,
]  # fmt: skip
__all__ = [
    "EVENT_STREAM", "NDJSON", "STATEMENT_FILES", "CSVRenderer", "EventStreamRenderer",
    "JSONRenderer", "NDJSONRenderer",
]  # fmt: skip
