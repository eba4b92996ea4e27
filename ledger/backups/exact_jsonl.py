"""A serializer for JSON lines that writes microseconds: see exact_json. Each line contains one
row.
"""

from django.core.serializers import jsonl
from django.core.serializers.jsonl import Deserializer

from ledger.backups import exact_json

__all__ = ["Deserializer", "Serializer"]

Serializer = type("Serializer", (exact_json.Exact, jsonl.Serializer), {})
