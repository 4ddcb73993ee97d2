package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"burble/gguf"
	"burble/inference/tokenizer"
)

// vocabularySize is the most tokens the guide's vocabulary may have.
const vocabularySize = 8192

// systems are system prompts that some of the conversations begin with; most people have none.
var systems = []string{
	"You are a helpful assistant.", "You are Burble's built-in guide.", "Answer briefly.", "Be polite.", "You are a helpful, honest assistant. Answer in English.",
	"Answer in one sentence.", "You are an expert.", "Keep it short and simple.",
}

// vocabulary is what prepare leaves for pack.
type vocabulary struct {
	Tokens []string `json:"tokens"`
	Merges []string `json:"merges"`
}

// training is what prepare leaves for train.py, besides the questions.
type training struct {
	Vocab   int        `json:"vocab"`
	Start   int32      `json:"im_start"`
	End     int32      `json:"im_end"`
	User    []int32    `json:"user"`      // "user\n"
	Answer  []int32    `json:"assistant"` // "assistant\n"
	System  []int32    `json:"system"`
	Newline []int32    `json:"newline"`
	Systems [][]int32  `json:"systems"`
	Answers [][]int32  `json:"answers"` // by fact; the last one declines
	Tests   []testCase `json:"tests"`
}

type testCase struct {
	Fact     int     `json:"fact"`
	Question []int32 `json:"question"`
}

// prepare writes the training data.
func prepare(root, out string, perFact, outside int) error {
	c, err := readCorpus(filepath.Join(root, "corpus"))
	if err != nil {
		return err
	}
	tests, err := readEvaluation(filepath.Join(root, "development"))
	if err != nil {
		return err
	}
	last, err := readEvaluation(filepath.Join(root, "evaluation"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	asked := generate(c, slices.Concat(tests, last), perFact, outside)

	var sample []string
	for i, list := range asked {
		for _, q := range list[:min(len(list), 1500)] {
			sample = append(sample, "user\n"+q.text)
		}
		answer := c.Outside.Answer
		if i < len(c.Facts) {
			answer = c.Facts[i].Answer
		}
		for range 300 {
			sample = append(sample, "assistant\n"+answer)
		}
	}
	v := vocabulary{}
	if v.Tokens, v.Merges, err = trainBPE(append(sample, systems...), vocabularySize); err != nil {
		return err
	}
	t, err := v.tokenizer()
	if err != nil {
		return err
	}
	encode := func(s string) []int32 { return t.Encode(s, tokenizer.Options{}) }
	data := training{Vocab: len(v.Tokens), User: encode("user\n"), Answer: encode("assistant\n"), System: encode("system\n"), Newline: encode("\n")}
	data.Start, _ = t.ID(imStart)
	data.End, _ = t.ID(imEnd)
	for _, s := range systems {
		data.Systems = append(data.Systems, encode(s))
	}
	index := map[string]int{"": len(c.Facts)}
	for i, f := range c.Facts {
		index[f.ID] = i
		data.Answers = append(data.Answers, encode(f.Answer))
	}
	data.Answers = append(data.Answers, encode(c.Outside.Answer))
	for _, q := range tests {
		i, ok := index[q.Fact]
		if !ok {
			return fmt.Errorf("the evaluation asks for %q, which is no fact", q.Fact)
		}
		data.Tests = append(data.Tests, testCase{i, encode(q.Text)})
	}
	if err := checkTokens(t, data, c); err != nil {
		return err
	}
	if err := writeQuestions(out, asked, encode); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(out, "vocabulary.json"), v); err != nil {
		return err
	}
	total := 0
	for _, list := range asked {
		total += len(list)
	}
	fmt.Printf("%d facts, %d questions, %d tests, %d tokens\n", len(c.Facts), total, len(tests), len(v.Tokens))
	return writeJSON(filepath.Join(out, "training.json"), data)
}

// asked is a question as it was made.
type askedQuestion struct {
	text   string
	follow bool // only after another
}

// generate makes questions for every fact, and those to decline last. None is one of the tests.
func generate(c *corpus, tests []question, perFact, outside int) [][]askedQuestion {
	held := map[string]bool{}
	for _, q := range tests {
		held[plain(q.Text)] = true
	}
	lists := make([][]askedQuestion, len(c.Facts)+1)
	work := make(chan int)
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() {
			for i := range work {
				a := asker{rand.New(rand.NewPCG(uint64(i), 2026)), c.Lists}
				f, n := &c.Outside, outside
				if i < len(c.Facts) {
					f, n = &c.Facts[i], perFact
				}
				for len(lists[i]) < n {
					q := askedQuestion{follow: len(f.Follow) > 0 || i < len(c.Facts) && len(f.Def) > 0 && a.chance(0.08)}
					if q.follow {
						q.text = a.followUp(f)
					} else {
						q.text = a.ask(f, i == len(c.Facts))
					}
					if q.text != "" && !held[plain(q.text)] {
						lists[i] = append(lists[i], q)
					}
				}
			}
		})
	}
	for i := range lists {
		work <- len(lists) - 1 - i // the longest first
	}
	close(work)
	running.Wait()
	return lists
}

// writeQuestions writes the questions' tokens one after another, where each begins, and which fact answers it. Those that only
// follow others have 0x8000 added to their fact.
func writeQuestions(out string, asked [][]askedQuestion, encode func(string) []int32) error {
	parts := make([][]byte, len(asked))
	lengths := make([][]byte, len(asked))
	var running sync.WaitGroup
	for i := range asked {
		running.Go(func() {
			a := asker{Rand: rand.New(rand.NewPCG(uint64(i), 6202))}
			for _, q := range asked[i] {
				var ids []int32
				for _, piece := range a.cut(q.text) {
					ids = append(ids, encode(piece)...)
				}
				ids = ids[:min(len(ids), 255)]
				for _, id := range ids {
					parts[i] = binary.LittleEndian.AppendUint16(parts[i], uint16(id))
				}
				lengths[i] = append(lengths[i], byte(len(ids)))
			}
		})
	}
	running.Wait()
	var facts []byte
	for i := range asked {
		for _, q := range asked[i] {
			f := uint16(i)
			if q.follow {
				f |= 0x8000
			}
			facts = binary.LittleEndian.AppendUint16(facts, f)
		}
	}
	for name, data := range map[string][]byte{"questions.bin": slices.Concat(parts...), "lengths.bin": slices.Concat(lengths...), "facts.bin": facts} {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// checkTokens wants a conversation put together from parts to be the tokens that its text has.
func checkTokens(t *tokenizer.Tokenizer, d training, c *corpus) error {
	for _, q := range d.Tests {
		var ids []int32
		for _, part := range [][]int32{{d.Start}, d.User, q.Question, {d.End}, d.Newline, {d.Start}, d.Answer, d.Answers[q.Fact], {d.End}} {
			ids = append(ids, part...)
		}
		text := t.DecodeSpecial(ids)
		if again := t.Encode(text, tokenizer.Options{Special: true}); !slices.Equal(again, ids) {
			return fmt.Errorf("the tokens of %q depend on how it is put together", text)
		}
	}
	return nil
}

// tokenizer makes Burble's own tokenizer of the vocabulary.
func (v vocabulary) tokenizer() (*tokenizer.Tokenizer, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("guide-vocabulary-%d.gguf", os.Getpid()))
	defer os.Remove(path)
	w, err := gguf.Create(path)
	if err != nil {
		return nil, err
	}
	defer w.Discard()
	if err := v.set(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return tokenizer.New(f.Metadata)
}

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
