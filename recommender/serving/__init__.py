"""Queries: similar products and free-text search over the live generation."""
