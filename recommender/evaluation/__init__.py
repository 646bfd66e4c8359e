"""Relevance metrics and the suites that measure a model on held-out products."""
