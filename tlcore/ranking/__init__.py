"""Which backbone suits a dataset, told before any training. No TensorFlow.

`scores`: the formulas, each by its paper. `pictures`: on which they are taken. `table`: what was measured of each
backbone. `jobs`: asking for it. `agreement`: how well it foretold finished runs. `tlcore.nn.ranking` computes the features.
"""
