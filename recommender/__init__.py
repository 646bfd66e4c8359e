"""Similar products and free-text recommendations from a shop's own catalogue."""

__version__ = "0.1.0"
