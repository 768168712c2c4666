"""The only room that knows verl, Ray and vLLM."""
