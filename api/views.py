"""The base class of the API's views. It checks scopes and rate limits, adds headers, and answers
with the status 304 if the caller already has the response.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.http import quote_etag
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.late_bodies import is_late, sign_in_again
from accounts.models import ApiToken
from api.caller import Caller, caller_of

READS = ("GET", "HEAD")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
POSTED_ROWS = (
    "Posted rows never change and are never deleted. Staff refund a payment with POST"
    " /api/v1/transactions/<id>/refund/, and release a hold with POST"
    " /api/v1/transactions/<id>/void/. To add a note, send PUT /api/v1/transactions/<id>/note/."
)
# The caller may store the response with its ETag. Caches between the caller and the server may not
# store it.
KEPT_NOWHERE = {"Cache-Control": "private, no-store"}


class ApiView(APIView):
    """A view of the API.

    - `scopes` maps a method to the scope that the method requires. See `api.sign_in.scopes_for` for
      the defaults.
    - `answers_earlier_rows` lists methods that write, but whose responses also contain data of rows
      that earlier calls have written. These methods also require the scope read.
    - `response_headers` maps a method to additional headers of its response, for the schema.
    - `is_unchanging` is True if the response is about a posted row and seldom changes. Such a
      response has an ETag, and a caller who sends this ETag gets the status 304.
    - `instead` explains to callers who try to change or delete an object what they can do instead.
    """

    # The schema contains what a response to OPTIONS would contain.
    http_method_names = [each for each in APIView.http_method_names if each != "options"]
    scopes: ClassVar[Mapping[str, ApiToken.TokenScope | None]] = {}
    answers_earlier_rows: ClassVar[Sequence[str]] = ()
    response_headers: ClassVar[Mapping[str, Sequence[str]]] = {}
    is_unchanging = False
    instead = ""
    rate_headers: dict[str, str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Checks the authentication, permissions and rate limit of the caller. After a long body,
        checks the authentication and permissions again: see Note [Late bodies].
        """
        super().initial(request, *args, **kwargs)
        if is_late(request._request):
            request.data  # noqa: B018 - reads the body
            sign_in_again(request._request)
            request._authenticate()  # type: ignore[attr-defined]  # authenticates again
            self.check_permissions(request)

    @property
    def caller(self) -> Caller:
        """The caller of this request."""
        return caller_of(self.request)

    def http_method_not_allowed(  # type: ignore[override]
        self, request: Request, *args: Any, **kwargs: Any
    ) -> NoReturn:
        """Raises MethodNotAllowed with the allowed methods. For methods that change data, the
        message also contains `instead`.
        """
        method = str(request.method)
        detail = f"{method} is not possible here; possible: {', '.join(self.allowed_methods)}."
        if method == "OPTIONS":
            detail = f"{detail} /api/v1/docs/ describes the address."
        if self.instead and method in CHANGES:
            detail = f"{detail} {self.instead}"
        raise MethodNotAllowed(method, detail)

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Adds the headers of the view and returns the response. If the caller already has the same
        response, returns a response with status 304.
        """
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        patch_vary_headers(response, ["Authorization", "Cookie"])
        for name, value in {**KEPT_NOWHERE, **getattr(self, "rate_headers", {})}.items():
            response.headers[name] = value
        if not (self.is_unchanging and request.method in READS and response.status_code == 200):
            return response
        if not isinstance(response, Response):
            return response
        content = response.render().content
        # The digest is keyed. Otherwise the content of a short response could be found by trying
        # values.
        digest = salted_hmac("api.views.ETag", content, algorithm="sha256")
        etag = quote_etag(digest.hexdigest()[:32])
        response.headers["ETag"] = etag
        found = get_conditional_response(request._request, etag, None, response)
        if found is not None and found is not response:
            found.headers["Cache-Control"] = KEPT_NOWHERE["Cache-Control"]
            return found
        return response
