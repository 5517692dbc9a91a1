"""gRPC as this program speaks it: messages, methods, failures, and channels over any stream.

``pb`` is generated from ``proto`` by ``generate``; ``services`` names the methods, ``rpc`` calls
and serves them, ``failure`` carries errors whole, ``stream_transport`` runs HTTP/2 inside a gRPC
stream, which is how a builder calls its client back.
"""
