"""Nuvom beside the raw engine that does the same work in the same run: `./run bench [NAME…] [--json] [--scale 0.1]`."""
