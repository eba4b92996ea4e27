"""The URLs of the site, and an API call that does nothing."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import ApiView
from ledger.urls import urlpatterns as site


class EmptyCall(ApiView):
    """An API call that only does what every call does: it checks the token, its scope and the rate,
    and sets the headers.
    """

    def get(self, _request: Request) -> Response:
        """Returns an empty object."""
        return Response({})


urlpatterns = [path("api/v1/empty/", EmptyCall.as_view()), *site]
