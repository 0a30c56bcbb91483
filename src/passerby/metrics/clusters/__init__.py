"""Clustering, and how well predicted identities agree with true ones."""
