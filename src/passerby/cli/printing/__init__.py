"""What commands print, where that is more than a few lines."""
