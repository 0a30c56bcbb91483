"""Learn from a gallery, without labels, to recognise the people of one's own cameras."""
