"""What all requests of a service share."""
