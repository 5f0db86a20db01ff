"""What the pytest plugin needs once a test is marked: items, fixtures that are new in every run, reports."""
