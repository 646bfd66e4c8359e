"""The composition root: settings in, the parts wired, closed in order."""
