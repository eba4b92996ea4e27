"""Cleans a PDF in a separate process with limits (`python -m banking.attachments.pdf`).

Nothing here imports Django, so that the process starts in a tenth of a second and has no secrets.
"""
