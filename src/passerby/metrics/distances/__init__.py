"""Exact distances between features, and single passes over all pairs."""
