"""Data sets, videos and tracklets written from a synthetic world."""
