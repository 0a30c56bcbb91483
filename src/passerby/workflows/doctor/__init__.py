"""What `passerby doctor` looks at: packages, machine, runtimes and places."""
