"""Receipts that people attach to their payments: pictures and PDF documents."""
