"""`/api/v1/events`: events of the caller's accounts, as server-sent events.

Note [Streams that end]: a response contains all new events, and then ends. After the time `retry`,
the client repeats the request with the id of the last event. Every client of server-sent events
does this automatically. So between two responses a stream uses no thread, no database connection
and no connection of a proxy, and a stream cannot continue after the sign-in has ended.
"""

import json

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.fields import moment_text
from api.own_rows import chosen_accounts
from api.paging import known_only
from api.parameters import query
from api.renderers import EVENT_STREAM, EventStreamRenderer
from api.views import ApiView
from transactions.account_news import News, NewsItem, NewsPosition, UnreadablePosition, news_of

LAST_ID = "Last-Event-ID"
RETRY = 5000  # milliseconds
RETRY_FOR_MORE = 100


class EventList(ApiView):
    """Events of the caller's accounts."""

    renderer_classes = [EventStreamRenderer]

    @extend_schema(
        operation_id="events_list",
        parameters=[
            query("account", "Only events of this account.", "uuid"),
            OpenApiParameter(
                LAST_ID, str, OpenApiParameter.HEADER,
                description="The id of the last event that was read; default: now.",
            ),
        ],
        responses={(200, EVENT_STREAM): str},
    )  # fmt: skip
    def get(self, request: Request) -> HttpResponse:
        """Returns new events, with at most 100 bookings. New events are newer than the event whose
        id is in the header Last-Event-ID. Then the response ends. Repeat the request after `retry`
        milliseconds, with the id of the last event.
        """
        known_only(request, "account")
        accounts = chosen_accounts(request)
        if last := request.headers.get(LAST_ID):
            news = news_of(accounts, _position(last))
        else:
            news = News([], str(NewsPosition.now(accounts)))
        return HttpResponse(stream_of(news), content_type=EVENT_STREAM)


def _position(text: str) -> NewsPosition:
    try:
        return NewsPosition.read(text)
    except UnreadablePosition:
        raise ValidationError({LAST_ID: ["Send the id of an event of this address."]}) from None


def stream_of(news: News) -> str:
    """Returns the news as the text of server-sent events. The last block contains only the id for
    the next request.
    """
    blocks = [f"retry: {RETRY_FOR_MORE if news.is_cut else RETRY}"]
    blocks += [
        f"event: {item.kind}\nid: {item.position}\ndata: {data_of(item)}" for item in news.items
    ]
    blocks.append(f"id: {news.position}")
    return "".join(f"{block}\n\n" for block in blocks)


def data_of(item: NewsItem) -> str:
    """Returns the data of an event as JSON. Like webhooks, the data contains ids but no account
    numbers.
    """
    data = {"account": str(item.account)}
    if item.transaction is not None:
        data["transaction"] = str(item.transaction)
    content = {"type": item.kind, "timestamp": moment_text(item.at), "data": data}
    return json.dumps(content, separators=(",", ":"))
