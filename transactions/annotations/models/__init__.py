"""The models of data that owners write about their payments: notes, tags and categories."""

from transactions.annotations.models.annotation import Annotation
from transactions.annotations.models.own_category import OwnCategory

__all__ = [
    "Annotation",
    "OwnCategory",
]
