package inference

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSessionGoesBack wants an edit of the newest message, and a new answer to it, to read only what is new, also where
// the cache can't go back by itself; and the same logits as without a cache.
func TestSessionGoesBack(t *testing.T) {
	for _, name := range []string{"gemma2", "lfm2_tied", "qwen3_5_tied", "llama"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("model", "testdata", "goldens", name)
			data, err := os.ReadFile(filepath.Join(dir, "tokens.json"))
			if err != nil {
				t.Fatal(err)
			}
			var tokens []int32
			if err := json.Unmarshal(data, &tokens); err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			m, err := OpenModel(ctx, filepath.Join(dir, "model.gguf"), Placement{Device: "cpu", Context: 512, KVType: "f32"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			s := m.Session()
			// sync goes to prompt, and wants so many tokens reused and the logits of a fresh start.
			sync := func(what string, prompt []int32, reused int) {
				t.Helper()
				expected := s.Match(prompt)
				got, err := s.Sync(ctx, prompt, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got != reused || got != expected {
					t.Errorf("%s: %d tokens reused, %d announced, want %d", what, got, expected, reused)
				}
				l, err := s.Logits()
				if err != nil {
					t.Fatal(err)
				}
				after := slices.Clone(l)
				fresh, err := OpenModel(ctx, filepath.Join(dir, "model.gguf"), Placement{Device: "cpu", Context: 512, KVType: "f32"}, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer fresh.Close()
				if _, err := fresh.Session().Sync(ctx, prompt, nil); err != nil {
					t.Fatal(err)
				}
				if l, err = fresh.Session().Logits(); err != nil {
					t.Fatal(err)
				}
				for i := range l {
					if d := l[i] - after[i]; d > 1e-4 || d < -1e-4 {
						t.Fatalf("%s: logit %d is %v, from a fresh start %v", what, i, after[i], l[i])
					}
				}
			}
			rewindable := m.cache.Rewindable()
			either := func(whole, checkpoint int) int {
				if rewindable {
					return whole
				}
				return checkpoint
			}
			question := tokens[:30]
			answer := slices.Repeat(tokens[5:35], 12) // longer than every ring
			sync("the first question", question, 0)
			for _, id := range answer {
				if err := s.Step(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			sync("another answer", question, either(29, 30-checkpointBefore))
			for _, id := range answer {
				if err := s.Step(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			both := slices.Concat(question, answer)
			sync("a second question", slices.Concat(both, tokens[10:40]), len(both))
			sync("the second question, edited", slices.Concat(both, tokens[2:33]), len(both))
			sync("the first question, edited", slices.Concat(question[:20], tokens[:7]), either(20, 30-checkpointBefore))
			sync("another chat", tokens[3:20], 0)

			// A title, asked for at the end of the conversation, costs the next message nothing of it.
			sync("a question", question, 0)
			for _, id := range answer {
				if err := s.Step(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			opening := tokens[40:43] // of every message of the user
			sync("the title", slices.Concat(both, opening, tokens[12:32]), len(both))
			for _, id := range tokens[:9] {
				if err := s.Step(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			kept := len(both)
			if !m.cache.Recurrent() { // a ring has room enough to go back by a title
				kept += len(opening)
			}
			sync("the next question", slices.Concat(both, opening, tokens[2:33]), kept)
		})
	}
}
