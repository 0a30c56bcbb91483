"""Pure functions of tensors: the losses that methods are made of. They know nothing of models or data."""
