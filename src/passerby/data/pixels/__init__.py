"""From image files to resized pixels."""
