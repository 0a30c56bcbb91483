"""CLIP-ReID's network, and its official files."""
