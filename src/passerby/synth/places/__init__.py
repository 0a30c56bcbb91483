"""Places, and who walks through them."""
