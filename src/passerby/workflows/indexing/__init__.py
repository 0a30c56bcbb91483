"""From videos to a gallery."""
