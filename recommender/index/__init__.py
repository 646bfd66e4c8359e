"""Vector engines behind one protocol, and the generations of points that they hold."""
