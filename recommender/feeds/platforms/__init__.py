"""What shop systems and marketplaces export: their columns, and rows that lean on one another."""
