// Attention over caches of one of the less usual types: the build defines CACHE as its name.
#include "attention.hip"
#include "attention_tile.hip"
