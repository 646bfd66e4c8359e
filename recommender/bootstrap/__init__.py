"""The composition root: reads the settings, wires the objects, and runs the jobs that need several packages."""
