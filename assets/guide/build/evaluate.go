package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	builtin "burble/assets/guide"
	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

// evaluate asks the model every held-out question, as the program does, and counts the answers that are the right
// fact's, word for word, and the questions outside that were declined.
func evaluate(ctx context.Context, root, set, path string, verbose bool) error {
	c, err := readCorpus(filepath.Join(root, "corpus"))
	if err != nil {
		return err
	}
	tests, err := readEvaluation(filepath.Join(root, set))
	if err != nil {
		return err
	}
	m, err := inference.OpenModel(ctx, path, inference.Placement{Device: "cpu"}, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	facts := map[string]*fact{}
	for i := range c.Facts {
		facts[c.Facts[i].ID] = &c.Facts[i]
	}
	var right, inside, declined, outside int
	for _, q := range tests {
		answer, err := ask(ctx, m, q.Text)
		if err != nil {
			return err
		}
		var ok bool
		if f := facts[q.Fact]; f != nil {
			inside++
			if ok = answer == f.Answer; ok {
				right++
			}
		} else {
			outside++
			if ok = answer == c.Outside.Answer; ok {
				declined++
			}
		}
		if verbose && !ok {
			fmt.Printf("%-14s %s\n               → %s\n", q.Fact, q.Text, answer)
		}
	}
	fmt.Printf("held-out questions about Burble: %d of %d with the right fact (%.1f %%)\n", right, inside, 100*float64(right)/float64(inside))
	fmt.Printf("questions about anything else: %d of %d declined (%.1f %%)\n", declined, outside, 100*float64(declined)/float64(outside))
	return nil
}

// ask asks one question in a conversation of its own.
func ask(ctx context.Context, m *inference.LoadedModel, text string) (string, error) {
	var answer strings.Builder
	_, err := m.Generate(ctx, inference.Request{
		Messages:  []chat.Message{{Role: chat.User, Content: text}},
		Sampling:  sample.Params{LogitBias: map[int32]float32{builtin.Declining: builtin.Doubt}},
		MaxTokens: 200,
	}, func(e inference.Event) {
		if t, ok := e.(inference.Token); ok {
			answer.WriteString(t.Text)
		}
	})
	return strings.TrimSpace(answer.String()), err
}

// overlap prints the questions of a set that are made for training, where nothing keeps the generator from it.
func overlap(root, set string, perFact, outside int) error {
	c, err := readCorpus(filepath.Join(root, "corpus"))
	if err != nil {
		return err
	}
	tests, err := readEvaluation(filepath.Join(root, set))
	if err != nil {
		return err
	}
	other := "development"
	if set == other {
		other = "evaluation"
	}
	held, err := readEvaluation(filepath.Join(root, other))
	if err != nil {
		return err
	}
	made := map[string]bool{}
	for _, list := range generate(c, held, perFact, outside) {
		for _, q := range list {
			made[plain(q.text)] = true
		}
	}
	n := 0
	for _, q := range tests {
		if made[plain(q.Text)] {
			n++
			fmt.Printf("%-14s %s\n", q.Fact, q.Text)
		}
	}
	fmt.Printf("%d of %d questions\n", n, len(tests))
	return nil
}
