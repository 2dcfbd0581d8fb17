"""A service mesh small enough to hold in one's hands, and the ground the lessons stand on."""
