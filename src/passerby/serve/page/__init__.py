"""The page of the service, for people who never saw a terminal: files as they are, without a build step."""
