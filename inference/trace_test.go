package inference

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"burble/inference/chat"
	"burble/inference/model/modeltest"
	"burble/inference/sample"
)

// TestTrace answers at temperature 1, and wants: the same answer again from the trace; scores that are the model's
// probabilities; and another answer that begins with half of the first and another token.
func TestTrace(t *testing.T) {
	for _, arch := range []string{"qwen3", "gemma2", "llama"} {
		t.Run(arch, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := modeltest.WriteFile(path, modeltest.Options{Arch: arch, Context: 256}); err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			m, err := OpenModel(ctx, path, Placement{Device: "cpu", KVType: "f32", Context: 256}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			ask := func(r Request) (Done, string) {
				t.Helper()
				var text string
				d, err := m.Generate(ctx, r, func(e Event) {
					if e, ok := e.(Token); ok {
						text += e.Text + e.Reasoning
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				return d, text
			}
			params := sample.Params{Temperature: 1, TopK: 50}
			first, text := ask(Request{Messages: []chat.Message{{Role: chat.User, Content: "Hello"}}, Sampling: params, MaxTokens: 40})
			for range 20 { // each with a seed of its own: a random model may end its answer early
				if len(first.Trace.Tokens) >= 10 {
					break
				}
				first, text = ask(Request{Messages: []chat.Message{{Role: chat.User, Content: "Hello"}}, Sampling: params, MaxTokens: 40})
			}
			tr := first.Trace
			if tr == nil || len(tr.Tokens) < 10 || tr.Sampling.Seed == nil || *tr.Sampling.Seed != first.Stats.Seed || tr.Begun != 0 || tr.Chain == "" {
				t.Fatalf("trace %+v", tr)
			}
			again, same := ask(Request{Tokens: tr.Prompt, Sampling: tr.Sampling, MaxTokens: 40})
			if !slices.Equal(again.Trace.Tokens, tr.Tokens) || same != text || !slices.Equal(again.Trace.Prompt, tr.Prompt) {
				t.Errorf("again: %v %q\nfirst: %v %q", again.Trace.Tokens, same, tr.Tokens, text)
			}
			other := tr.Sampling
			seed := *other.Seed + 1
			other.Seed = &seed
			if changed, _ := ask(Request{Tokens: tr.Prompt, Sampling: other, MaxTokens: 40}); slices.Equal(changed.Trace.Tokens, tr.Tokens) {
				t.Error("another seed gave the same 40 tokens: the test sees nothing")
			}

			scored, said := ask(Request{Tokens: tr.Prompt, Begun: tr.Tokens, Score: 3})
			if said != "" || len(scored.Scores) != len(tr.Tokens) {
				t.Fatalf("%d scores of %d tokens, and %q was said", len(scored.Scores), len(tr.Tokens), said)
			}
			whole := slices.Concat(tr.Prompt, tr.Tokens)
			err = m.session.AllLogits(ctx, whole, func(pos int, logits []float32) error {
				i := pos - len(tr.Prompt) + 1
				if i < 0 || i >= len(tr.Tokens) {
					return nil
				}
				s := scored.Scores[i]
				want := sample.Top(nil, logits, 3)
				for j, w := range want {
					if s.Best[j].ID != w.ID || math.Abs(float64(s.Best[j].P-w.P)) > 1e-4 {
						t.Errorf("token %d: alternative %d is %+v, want %+v", i, j, s.Best[j], w)
					}
				}
				if s.Token.ID != tr.Tokens[i] || math.Abs(float64(s.Token.P-probability(logits, tr.Tokens[i]))) > 1e-4 || len(s.Best) != 3 {
					t.Errorf("token %d: %+v", i, s)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}

			half := len(tr.Tokens) / 2
			alt := scored.Scores[half].Best[0].ID
			if alt == tr.Tokens[half] {
				alt = scored.Scores[half].Best[1].ID
			}
			begun := append(slices.Clone(tr.Tokens[:half]), alt)
			branch, _ := ask(Request{Tokens: tr.Prompt, Begun: begun, Sampling: tr.Sampling, MaxTokens: 8})
			if bt := branch.Trace; bt.Begun != half+1 || !slices.Equal(bt.Tokens[:half+1], begun) || len(bt.Tokens) > half+9 || branch.Stats.Tokens > 8 {
				t.Errorf("branch %+v", bt)
			}

			for what, r := range map[string]Request{
				"a token outside":       {Tokens: []int32{1, 1 << 30}},
				"a token below":         {Tokens: []int32{1}, Begun: []int32{-1}},
				"more than the context": {Tokens: make([]int32, 257)},
			} {
				if _, err := m.Generate(ctx, r, func(Event) {}); err == nil {
					t.Errorf("%s is taken", what)
				}
			}
		})
	}
}
