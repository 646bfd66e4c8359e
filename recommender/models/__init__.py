"""What is registered: manifests, folders, fingerprints, cards, and where base models come from."""
