"""The version of passerby."""

__version__ = "0.1.0"
