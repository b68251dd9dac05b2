"""mealbox: the API of a meal-planning product."""
