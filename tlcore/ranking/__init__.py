"""Which backbone suits a dataset, told before any training. No TensorFlow.

`scores`: the formulas, each by its paper.
"""
