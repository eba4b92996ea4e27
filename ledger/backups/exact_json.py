"""Django's serializer of JSON, with microseconds: its own cuts times to milliseconds, and then no
seal matches its rows. The setting SERIALIZATION_MODULES names this module.
"""

import datetime as dt
from typing import Any

from django.core.serializers import json as django_json
from django.core.serializers.json import Deserializer

__all__ = ["Deserializer", "Serializer"]


class ExactEncoder(django_json.DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, dt.datetime):
            return o.isoformat()
        return super().default(o)


class Exact:
    """Before a serializer of Django's: it writes with ExactEncoder."""

    json_kwargs: dict[str, Any]

    def _init_options(self) -> None:
        super()._init_options()  # type: ignore[misc]
        self.json_kwargs["cls"] = ExactEncoder


class Serializer(Exact, django_json.Serializer):
    pass
