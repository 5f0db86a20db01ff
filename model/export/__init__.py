"""Models in the formats that other tools read, so that nobody has to take our engines' word for anything."""
