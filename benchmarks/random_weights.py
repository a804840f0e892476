"""`python -m benchmarks.random_weights BACKBONE SIDE_PX FILE`: keep the random weights of a run with `weights: none`.

So a peer can begin with the very same ones.
"""

import json
import sys

from tlcore import backbones
from tlcore.nn.models import Backbone

if __name__ == "__main__":
    name, side_px, path = sys.argv[1:]
    Backbone(backbones.spec(name), "none", int(side_px)).model.save_weights(path)
    print(json.dumps({"file": path}))
