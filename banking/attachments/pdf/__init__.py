"""Cleans a PDF in a separate process with limits (`python -m banking.attachments.pdf`).

This package does not import Django. So the process starts in a tenth of a second, and does not load
the secrets in the settings.
"""
