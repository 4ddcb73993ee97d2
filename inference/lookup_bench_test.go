package inference_test

import (
	"os"
	"path/filepath"
	"testing"

	"burble/inference"
	"burble/inference/chat"
)

// BenchmarkLookup asks for what was answered before, so that the answer quotes its prompt: tokens a second with prompt
// lookup decoding and without.
func BenchmarkLookup(b *testing.B) {
	path := filepath.Join("..", "..", "shared", "models", "gopher-20m-Q8_0.gguf")
	if _, err := os.Stat(path); err != nil {
		b.Skip("needs the model gopher")
	}
	e := run(b)
	load(b, e, path, inference.Placement{Device: "cpu"})
	question := says(chat.User, "What does strings.Cut do?")
	said := ask(b, e, inference.Request{Messages: []chat.Message{question}, MaxTokens: 300})
	again := inference.Request{Messages: []chat.Message{question, says(chat.Assistant, said.text), question}, MaxTokens: 300}
	want := ask(b, e, again)
	for _, c := range []struct {
		name   string
		lookup int
	}{{"without", 0}, {"with", 10}} {
		b.Run(c.name, func(b *testing.B) {
			again.Lookup = c.lookup
			var tokens int
			var seconds float64
			for b.Loop() {
				got := ask(b, e, again)
				if got.err != nil || got.text != want.text {
					b.Fatalf("%q (%v), without lookup %q", got.text, got.err, want.text)
				}
				tokens += got.done.Stats.Tokens
				seconds += got.done.Stats.DecodeTime.Seconds()
			}
			b.ReportMetric(float64(tokens)/seconds, "tokens/s")
		})
	}
}
