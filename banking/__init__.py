"""Everyday banking: features that stand on `transactions`, each an app of its own."""
