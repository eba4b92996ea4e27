"""Django's JSON serializer, but this serializer writes microseconds. Django's own serializer cuts
times to milliseconds. The digests in seals would then not match the loaded rows. The setting
SERIALIZATION_MODULES contains this module.
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
    """A mixin that makes Django's serializers use ExactEncoder."""

    json_kwargs: dict[str, Any]

    def _init_options(self) -> None:
        super()._init_options()  # type: ignore[misc]
        self.json_kwargs["cls"] = ExactEncoder


class Serializer(Exact, django_json.Serializer):
    pass
