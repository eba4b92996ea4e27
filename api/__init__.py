"""The API for programs, at `/api/v1/`. See docs/api.md."""
