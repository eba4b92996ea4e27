"""The URLs of attached files."""

from django.urls import path

from banking.attachments import views as attachments

urlpatterns = [
    path("attachments/new/", attachments.attachment_new, name="attachment_new"),
    path("attachments/<uuid:pk>/", attachments.attachment, name="attachment"),
    path("attachments/<uuid:pk>/remove/", attachments.attachment_remove, name="attachment_remove"),
]
