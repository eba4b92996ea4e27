"""The interface for programs: `/api/v1/`. See docs/api.md."""
