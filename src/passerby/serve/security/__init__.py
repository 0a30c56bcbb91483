"""Who may ask a service, and what a request may cost."""
