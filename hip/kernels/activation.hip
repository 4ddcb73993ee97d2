// Activation functions, by compute.Activation.
#pragma once
#include "common.hip"

DEVICE float activate(float x, int act) {
	switch (act) {
	case 0: return x / (1 + exp32(-x));
	case 1: return 0.5f * x * (1 + erf32(x * 0.707106781186547524f));
	case 2: return 0.5f * x * (1 + tanh32(0.797884560802865356f * (x + 0.044715f * x * x * x)));
	case 3: return max32(x, 0);
	case 4: { float r = max32(x, 0); return r * r; }
	case 5: return 1 / (1 + exp32(-x));
	case 6: return tanh32(x);
	default: return max32(x, 0) + LN2 * log2_32(1 + exp32(-abs32(x)));
	}
}

// A gated unit; number 8, SwiGLUClamped, is more than a function of the gate.
DEVICE float gated_unit(float gate, float up, int act) {
	if (act != 8) return activate(gate, act) * up;
	gate = gate > 7 ? 7 : gate, up = up > 7 ? 7 : up < -7 ? -7 : up;
	return gate / (1 + exp32(-1.702f * gate)) * (up + 1);
}
