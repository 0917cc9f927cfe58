"""Tests of the bench: that each part of it measures something, and says it as it was."""
