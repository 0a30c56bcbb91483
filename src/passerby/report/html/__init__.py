"""Templates, cards, charts and thumbnails of all pages."""
