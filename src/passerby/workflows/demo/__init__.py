"""The whole road on drawn videos, without data, weights, GPU or network: `passerby demo`."""
