"""How good a ranking is. This room knows arrays of features and labels, nothing of images, models or files."""
