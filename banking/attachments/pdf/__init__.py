"""Cleans a PDF, in a process of its own with limits (`python -m banking.attachments.pdf`).

Nothing here imports Django, so that the process starts in a tenth of a second and knows no secret.
"""
