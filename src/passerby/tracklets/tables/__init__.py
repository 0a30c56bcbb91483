"""Tables of tracklets, and data sets that are turned into them."""
