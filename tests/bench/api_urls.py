"""The addresses of the site, and a call of the API that does nothing."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import ApiView
from ledger.urls import urlpatterns as site


class EmptyCall(ApiView):
    """A call with all that every call has: the token, its scope, the rate and the headers."""

    def get(self, _request: Request) -> Response:
        """An empty object."""
        return Response({})


urlpatterns = [path("api/v1/empty/", EmptyCall.as_view()), *site]
