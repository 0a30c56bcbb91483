"""Files that were written from a gallery."""
