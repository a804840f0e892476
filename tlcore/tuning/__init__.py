"""Studies: many runs of one set of settings, tried one after another to find the best. No TensorFlow."""
