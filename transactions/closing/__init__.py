"""The feature with which customers close one of their accounts."""
