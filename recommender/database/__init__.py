"""Engine, sessions, the unit of work, and the tables that every other package reads."""
