"""Tables, folders and lists that name images and labels."""
