"""What compare.test's JSON and page have to hold.

usage: check-comparison.py COMPARISON.json PAGE.html
"""
import json
import re
import sys

with open(sys.argv[1]) as f:
    data = json.load(f)
layers = {layer["tensor"]: layer for layer in data["layers"]}
assert data["format"] == "ashlar-comparison-1" and data["samples"] == 6, data["samples"]
assert [layer["tensor"] for layer in data["layers"]] == ["x", "first", "second", "y"]
# The second layer is bad by itself; what reads it is not.
assert layers["second"]["local"]["sqnr_db"] < 10 and layers["second"]["accumulated"]["grade"] == "red"
assert layers["y"]["accumulated"]["sqnr_db"] < 10 and layers["y"]["local"]["sqnr_db"] > 30
assert layers["first"]["local"]["sqnr_db"] > 30 and layers["first"]["accumulated"]["sqnr_db"] > 25
assert layers["second"]["inputs"] == [1] and layers["first"]["nodes"] == ["first_sum_MatMul", "first_Relu"]
low, high = layers["second"]["range"]
assert low == 0 and abs(high - 255 * 0.0005) < 1e-6, (low, high)
assert sum(layers["second"]["histogram"]["counts"]) == 6 * 16
assert layers["x"]["shape"] == [1, 8] and layers["first"]["macs"] == 8 * 16

with open(sys.argv[2]) as f:
    page = f.read()
# One file: nothing is fetched.
assert page.startswith("<!DOCTYPE html>") and not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", page)
embedded = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL).group(1))
assert embedded["layers"][2]["tensor"] == "second"
