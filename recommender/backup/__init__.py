"""An installation as one file, and back: archive, verify, restore."""
