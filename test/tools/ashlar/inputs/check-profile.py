"""A profile is complete and adds up."""
import json
import sys

report = json.load(open(sys.argv[1]))
profile = report["profile"]
layers = profile["layers"]
assert layers and all(layer["ms"] > 0 and layer["name"] and layer["op"] for layer in layers), layers
products = [layer for layer in layers if layer.get("macs", 0) > 0]
assert products and all("amx" in layer and layer["roofline_share"] > 0 for layer in products), products
assert abs(sum(layer["ms"] for layer in layers) - profile["layers_ms"]) < 1e-9
total = profile["layers_ms"] + profile["unattributed_ms"]
# Medians of parts need not add up to the median of the whole, but nearly do.
assert 0.5 < total / profile["profiled_ms"] < 1.5, profile
assert profile["peaks_macs_per_second"] and profile["near_bytes_per_second"] > 0
