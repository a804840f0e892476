"""A stand-in for a worker that tells which cards it sees, and ends when it is dismissed."""

import json
import os
import sys

if __name__ == "__main__":
    print(json.dumps({"sees": os.environ.get("CUDA_VISIBLE_DEVICES"), "claims": sys.argv[sys.argv.index("--cards") + 1]}), flush=True)
    sys.stdin.read()
