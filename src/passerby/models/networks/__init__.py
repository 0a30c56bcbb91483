"""Networks of the methods that train a backbone."""
