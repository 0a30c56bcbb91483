"""Files that were written from a gallery, outside of it."""
