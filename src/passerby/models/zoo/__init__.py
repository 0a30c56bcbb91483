"""Published models: what they are and how to read their files."""
