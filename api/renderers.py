"""What answers are written as."""

from rest_framework.renderers import JSONRenderer

NDJSON = "application/x-ndjson"


class NDJSONRenderer(JSONRenderer):
    """A line of JSON for each result. Views stream it themselves; this is for Accept."""

    media_type, format = NDJSON, "ndjson"


class CSVRenderer(JSONRenderer):
    """A table for spreadsheets. Views stream it themselves; this is for Accept."""

    media_type, format = "text/csv", "csv"


__all__ = ["NDJSON", "CSVRenderer", "JSONRenderer", "NDJSONRenderer"]
