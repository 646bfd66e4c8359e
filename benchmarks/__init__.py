"""Measurements of this project: `make bench` runs them and writes RESULTS.md."""
