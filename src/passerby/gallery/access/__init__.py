"""Who may use a gallery through a service, and what is written down of it."""
