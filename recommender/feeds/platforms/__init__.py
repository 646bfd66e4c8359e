"""Exports of shop systems and marketplaces: their columns, and rows that depend on each other."""
