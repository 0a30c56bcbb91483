"""From videos to tracklets: what `passerby track` does."""
