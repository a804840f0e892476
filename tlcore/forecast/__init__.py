"""What a run will be and what it will take, before it starts, and afterwards how right that was. No TensorFlow.

`figures`: parameters and reasons to think again. `costs`: seconds of each part by formula; `probing`: this machine's
own speeds for it; `rates`: what finished runs correct in it. `footprint`: memory and disk. `outlook`: all of it together.
"""
