"""Transfer Learning Workbench engine: datasets, backbones, runs and their results."""

__version__ = "0.1.0"
