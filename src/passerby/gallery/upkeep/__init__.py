"""Look after a gallery: find faults, copy it to a safe place and bring it back."""
