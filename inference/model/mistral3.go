package model

// newMistral3 makes Ministral 3 (Mistral AI 2025, "Introducing Mistral 3"), and Mistral Small 3 as newer files name it: Llama's
// block, and beyond the length of training attention whose queries grow with the position.
func newMistral3(l *Loader) Network {
	m := newLlama(l).(*decoder)
	temperature := float32(l.hyper.floatOr("attention.temperature_scale", 0))
	if temperature == 0 {
		return m
	}
	length := l.hyper.int("rope.scaling.original_context_length", maxContext)
	for i := range m.blocks {
		m.blocks[i].attn.Temperature, m.blocks[i].attn.TemperatureLength = temperature, length
	}
	return m
}
