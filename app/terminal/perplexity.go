package terminal

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"

	"burble/inference/tokenizer"
)

// runPerplexity measures exp of the mean negative log-likelihood of a text, as llama.cpp does: the text is cut into windows
// of c tokens, each starts with BOS where the model wants one, and the second half of each is scored.
func runPerplexity(ctx context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	path := fs.String("m", "", "model `FILE`")
	text := fs.String("f", "", "text `FILE`")
	window := fs.Int("c", 512, "`TOKENS` of a window")
	place := placementFlags(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if *text == "" {
		return usageError("name a text with -f FILE")
	}
	if *window < 4 {
		return usageError("-c is at least 4")
	}
	b, err := os.ReadFile(*text)
	if err != nil {
		return err
	}
	p := place()
	p.Context = *window
	m, err := open(ctx, s, *path, p)
	if err != nil {
		return err
	}
	defer m.Close()
	t, err := m.Tokenizer()
	if err != nil {
		return err
	}
	// A file's last line break is no part of its text, as llama.cpp has it.
	ids := t.Encode(strings.TrimSuffix(string(b), "\n"), tokenizer.Options{AddSpecial: true})
	windows := len(ids) / *window
	if windows < 2 {
		return fmt.Errorf("the text has %d tokens; two windows of %d are needed at least", len(ids), *window)
	}
	bos, addsBOS := t.BOS()
	addsBOS = addsBOS && t.AddsBOS()
	var sum, squares float64 // of negative log-likelihoods
	n := 0
	for w := range windows {
		part := append([]int32(nil), ids[w**window:(w+1)**window]...)
		if addsBOS {
			part[0] = bos
		}
		first := *window / 2
		err := m.Session().AllLogits(ctx, part, func(pos int, logits []float32) error {
			if pos >= first && pos < len(part)-1 {
				nll := negativeLogLikelihood(logits, part[pos+1])
				if math.IsNaN(nll) {
					return fmt.Errorf("the logits at token %d of window %d are no numbers: the model file may be damaged", pos, w+1)
				}
				sum += nll
				squares += nll * nll
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(s.err, "[%d/%d] %.4f\n", w+1, windows, math.Exp(sum/float64(n)))
	}
	mean := sum / float64(n)
	ppl := math.Exp(mean)
	variance := squares/float64(n) - mean*mean
	uncertainty := 0.0
	if variance > 0 && n > 1 {
		uncertainty = math.Sqrt(variance/float64(n-1)) * ppl
	}
	fmt.Fprintf(s.out, "perplexity %.4f ± %.5f over %d tokens in %d windows of %d\n", ppl, uncertainty, n, windows, *window)
	return nil
}

// negativeLogLikelihood is −ln softmax(logits)[id].
func negativeLogLikelihood(logits []float32, id int32) float64 {
	top := logits[0]
	for _, v := range logits {
		top = max(top, v)
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v - top))
	}
	return math.Log(sum) - float64(logits[id]-top)
}
