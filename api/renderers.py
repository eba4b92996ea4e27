"""What answers are written as."""

from rest_framework.renderers import JSONRenderer

NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"


class NDJSONRenderer(JSONRenderer):
    """A line of JSON for each result. Views stream it themselves; this is for Accept."""

    media_type, format = NDJSON, "ndjson"


class CSVRenderer(JSONRenderer):
    """A table for spreadsheets. Views stream it themselves; this is for Accept."""

    media_type, format = "text/csv", "csv"


class EventStreamRenderer(JSONRenderer):
    """Server-sent events. The view writes them itself; this is for Accept."""

    media_type, format = EVENT_STREAM, "events"


__all__ = [
    "EVENT_STREAM", "NDJSON", "CSVRenderer", "EventStreamRenderer", "JSONRenderer",
    "NDJSONRenderer",
]  # fmt: skip
