"""Qdrant's own engine in this process, for one machine."""
