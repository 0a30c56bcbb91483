"""Samplers and loaders: rows of batches, and their pixels on the device."""
