package model

import "burble/inference/compute"

// newSmolLM3 makes SmolLM3 (Bakouch et al. 2025, "SmolLM3: smol, multilingual, long-context reasoner"): Llama's block, with
// every fourth layer without RoPE (NoPE; Kazemnejad et al. 2023, arXiv:2305.19466).
func newSmolLM3(l *Loader) Network {
	m := newLlama(l).(*decoder)
	for i := range m.blocks {
		if (i+1)%noRopeStep == 0 {
			m.blocks[i].attn.rope = compute.Rope{}
		}
	}
	return m
}

// noRopeStep is the distance of layers without RoPE. The files don't carry it; it is the published models'.
const noRopeStep = 4
