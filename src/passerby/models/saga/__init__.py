"""SAGA's network, and its official files."""
