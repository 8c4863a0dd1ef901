"""Judgement that several chapters share: elementwise operators, views, layers."""
