"""What is due by brute force, by code that shares nothing with Nuvom: `./run oracle` compares the two in full."""
