"""Thresholds that fit the features at hand."""
