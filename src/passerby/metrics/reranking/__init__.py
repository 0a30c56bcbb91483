"""Re-ranking and feature refinement by neighbourhoods."""
