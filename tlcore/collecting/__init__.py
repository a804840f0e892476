"""A dataset of one's own from the camera: classes are named, pictures taken, bad ones removed, and a run begun at once."""
