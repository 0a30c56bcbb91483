"""Learning from galleries."""
