"""A gallery of tracklets that can be searched, trusted and erased from."""
