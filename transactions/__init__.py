"""The app that moves money, with all pages that show it."""
