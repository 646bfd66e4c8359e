"""The HTTP service: routes, keys, limits, logs and figures over one open `Recommender`."""
