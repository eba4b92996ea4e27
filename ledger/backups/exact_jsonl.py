"""The serializer for JSON lines with microseconds, one row per line: see exact_json."""

from django.core.serializers import jsonl
from django.core.serializers.jsonl import Deserializer

from ledger.backups import exact_json

__all__ = ["Deserializer", "Serializer"]

Serializer = type("Serializer", (exact_json.Exact, jsonl.Serializer), {})
