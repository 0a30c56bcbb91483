"""Ask a service from Python, with nothing but the standard library."""
