"""Who is who in a gallery: found by correlation, corrected by people, with a history that can be undone."""
