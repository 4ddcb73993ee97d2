package sample

// Top returns the n most probable tokens by their raw logits, with their probabilities in the whole vocabulary at
// temperature 1. It appends to dst[:0] and leaves the logits alone.
func Top(dst []Candidate, logits []float32, n int) []Candidate {
	if len(logits) == 0 || n <= 0 {
		return dst[:0]
	}
	dst = selectTop(dst, logits, min(n, len(logits)))
	if len(dst) == 0 {
		return dst
	}
	top, sum := dst[0].Logit, 0.0
	for _, x := range logits {
		if x > negInf {
			sum += float64(decay(top - finite(x)))
		}
	}
	for i := range dst {
		dst[i].P = float32(float64(decay(top-dst[i].Logit)) / sum)
	}
	return dst
}
