from django.urls import path

from explorer.browse.views import browse, browse_file
from explorer.pages import editor, history, reports
from ledger.web.table_files import paths_of_files

app_name = "explorer"
urlpatterns = [
    path("", editor.editor, name="editor"),
    path("browse/", browse, name="browse"),
    *paths_of_files("browse/groups", browse_file, "groups"),
    path("saved/<uuid:pk>/", editor.saved, name="saved"),
    path("saved/<uuid:pk>/delete/", editor.delete_saved, name="delete_saved"),
    path("reports/<slug:slug>/<int:number>/", reports.of_report, name="of_report"),
    path("history/", history.history, name="history"),
    path("history/<uuid:pk>/", history.run_again, name="run"),
]
