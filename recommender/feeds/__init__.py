"""Bytes in, product drafts out: formats, platforms, columns, values and sources. No database."""
