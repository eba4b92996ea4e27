"""The addresses of the site, and some under /api/ that say who is signed in."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db import transaction as db_transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from accounts.middleware import _is_known as may_read_replicas
from accounts.models import ApiToken, User
from ledger.urls import urlpatterns as site
from transactions.scope import BANK, scope_for


@login_not_required
def who(request: Any) -> JsonResponse:
    """The person, the token, what is wrong with it, and the session of the request."""
    token, error = request.api_token, request.api_token_error
    user = request.user
    return JsonResponse(
        {
            "person": str(user.pk) if user.is_authenticated else None,
            "token": token.prefix if token else None,
            "scopes": [
                scope for scope in ApiToken.TokenScope.values if token and token.allows(scope)
            ],
            "error": error.code if error else None,
            "sentence": str(error) if error else None,
            "session": request.session.session_key,
            "is_staff": bool(user.is_authenticated and user.is_staff),
            "people": User.objects.count(),
            "reads_replicas": may_read_replicas(request),
        }
    )


@login_not_required
def read(request: Any) -> JsonResponse:
    """A page that opens the whole bank to whoever may read it."""
    scope = scope_for(request.user, BANK)
    return JsonResponse({"accounts": [str(account.pk) for account in scope.all_accounts()]})


@require_POST
@login_not_required
def act(request: HttpRequest) -> JsonResponse:
    """What a page with a button does: CSRF is checked before it."""
    return JsonResponse({"done": request.user.is_authenticated})


@login_not_required
def fail(request: HttpRequest) -> JsonResponse:
    """Fails with the text of the header in a local variable and in its message."""
    raise RuntimeError(f"failed with {request.META.get('HTTP_AUTHORIZATION')}")


@login_not_required
def fail_in_the_database(request: HttpRequest) -> JsonResponse:
    """Fails in a statement that has the text of the header in it."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::uuid", [request.META.get("HTTP_AUTHORIZATION")])
    return JsonResponse({})


@login_not_required
def outside(request: Any) -> JsonResponse:
    """A page outside the API, which no token opens."""
    return JsonResponse({"signed_in": request.user.is_authenticated})


urlpatterns = [
    path("api/who/", who),
    path("api/act/", act),
    path("api/read/", read),
    path("api/fail/", fail),
    path("api/fail-in-the-database/", fail_in_the_database),
    path("outside/", outside),
    *site,
]
