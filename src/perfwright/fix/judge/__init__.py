"""Two versions of a function: do they behave the same, and which is faster?"""
