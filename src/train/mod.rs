//! Joint training of f, g and h on still images.
