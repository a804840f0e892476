"""One file an idea of how knowledge is carried over."""
