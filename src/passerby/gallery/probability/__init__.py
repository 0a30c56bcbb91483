"""How probable it is that two features are of one person, learned from the gallery itself."""
