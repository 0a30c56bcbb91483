"""Association of the same person across cameras."""
