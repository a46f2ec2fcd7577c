"""The ground floor: names, dtypes, trees, scopes and the symbolic graph. No framework is imported here."""
