"""Checks of a data set before anything is computed from it."""
