"""What a movement was for."""

from django.db.models import TextField, Value
from django.db.models.functions import NullIf

# An empty category says as little as none.
CATEGORY = NullIf("category", Value("", TextField()))
