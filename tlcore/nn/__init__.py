"""The only package that imports TensorFlow, Keras or OpenVINO."""
