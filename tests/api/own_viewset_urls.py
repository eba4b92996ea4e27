"""The addresses of the site, and a viewset of an added app, inside and outside of /api/."""

from django.urls import include, path
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.viewsets import ViewSet

from ledger.urls import urlpatterns as site


class Question(ViewSet):
    """A viewset without anything of Ledger's."""

    def list(self, _request: object) -> Response:
        return Response([{"text": "What is new?"}])

    create = list


router = DefaultRouter()
router.register("questions", Question, basename="question")
urlpatterns = [
    path("api/quick/", include(router.urls)),
    path("quick/", include(router.urls)),
    *site,
]
