"""Model versions: their folders, fingerprints and manifests, and where base models come from."""
