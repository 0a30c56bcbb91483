"""Pre-training of a small CLIP on drawn people and sentences."""
