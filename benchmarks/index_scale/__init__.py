"""How planning and the index scale: time, memory and recall from ten thousand images to a million.

`python -m benchmarks.index_scale` searches synthetic embeddings of several distributions in exact
and in approximate indexes, and plans a million pairs.
"""
