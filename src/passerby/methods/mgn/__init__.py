"""MGN (Wang et al., ACM MM 2018): features of the whole body and of its parts."""
