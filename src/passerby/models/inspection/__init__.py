"""Feature variants and attention maps of trained networks."""
