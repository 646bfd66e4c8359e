"""The registered models: manifests, folders, fingerprints, cards, and where base models come from."""
