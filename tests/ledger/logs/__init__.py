"""The log as lines of JSON: what they say, and what they never say."""
