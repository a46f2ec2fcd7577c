"""The loops an expert writes by hand, one file per framework."""
