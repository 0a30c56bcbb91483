"""Tables of cross-camera links."""
