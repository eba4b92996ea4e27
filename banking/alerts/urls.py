"""The URLs of the pages of alerts."""

from django.urls import path

from banking.alerts import views as alerts

urlpatterns = [
    path("alerts/", alerts.alert_list, name="alerts"),
    path("alerts/read/", alerts.read, name="alerts_read"),
    path("alerts/settings/", alerts.choices, name="alert_choices"),
    path("alerts/settings/<uuid:pk>/remove/", alerts.choice_remove, name="alert_choice_remove"),
    path("alerts/settings/times/", alerts.times, name="alert_times"),
    path("alerts/mails/<str:token>/end/", alerts.mails_end, name="alert_mails_end"),
    path("alerts/settings/<slug:kind>/", alerts.choice, name="alert_kind"),
]
