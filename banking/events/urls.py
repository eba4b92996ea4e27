"""The URLs of the pages of webhooks."""

from django.urls import path

from banking.events import views as events

urlpatterns = [
    path("webhooks/", events.webhook_list, name="webhooks"),
    path("webhooks/new/", events.webhook_new, name="webhook_new"),
    path("webhooks/<uuid:pk>/", events.webhook_page, name="webhook"),
    path("webhooks/<uuid:pk>/events/", events.webhook_kinds, name="webhook_kinds"),
    path("webhooks/<uuid:pk>/secret/", events.webhook_secret, name="webhook_secret"),
    path("webhooks/<uuid:pk>/on/", events.webhook_on, name="webhook_on"),
    path("webhooks/<uuid:pk>/off/", events.webhook_off, name="webhook_off"),
    path("webhooks/<uuid:pk>/remove/", events.webhook_remove, name="webhook_remove"),
    path("webhooks/deliveries/<uuid:pk>/again/", events.delivery_again, name="delivery_again"),
]
