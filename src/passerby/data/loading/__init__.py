"""Batches of images: which rows, and how their pixels reach the device."""
