"""Everyday banking: features built on `transactions`. Each feature is a separate app."""
