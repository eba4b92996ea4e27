"""Readers of other banks' files. Each yields OutsideLines while it reads, in flat memory."""
