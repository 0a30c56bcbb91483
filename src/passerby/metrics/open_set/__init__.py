"""Verification and open-set identification: thresholds and error rates."""
