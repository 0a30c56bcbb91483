"""Search in galleries of millions: an index of features that says which of them a search need not compare."""
