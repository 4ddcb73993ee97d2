package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func seeded(p Params, seed uint64) Params {
	p.Seed = &seed
	return p
}

// logitsOf returns logits whose softmax are the given probabilities.
func logitsOf(p ...float64) []float32 {
	out := make([]float32, len(p))
	for i, x := range p {
		out[i] = float32(math.Log(x))
	}
	return out
}

// check samples once and compares the candidates' ids and probabilities.
func check(t *testing.T, c *Chain, logits []float32, want map[int32]float64) {
	t.Helper()
	id := c.Sample(slices.Clone(logits))
	if _, ok := want[id]; !ok {
		t.Errorf("chose %d, which should be cut", id)
	}
	got := c.Candidates()
	if len(got) != len(want) {
		t.Errorf("candidates %v, want %v", got, want)
		return
	}
	for i, x := range got {
		p, ok := want[x.ID]
		if !ok || math.Abs(float64(x.P)-p) > 1e-5 {
			t.Errorf("candidate %d has probability %v, want %v (%v)", x.ID, x.P, p, ok)
		}
		if i > 0 && got[i-1].P < x.P {
			t.Errorf("candidates are not in order: %v", got)
		}
	}
}

func TestSteps(t *testing.T) {
	// Five tokens of probabilities 0.4, 0.3, 0.15, 0.1 and 0.05, not in order.
	logits := logitsOf(0.15, 0.4, 0.05, 0.3, 0.1)
	all := map[int32]float64{0: 0.15, 1: 0.4, 2: 0.05, 3: 0.3, 4: 0.1}
	for _, tc := range []struct {
		name string
		p    Params
		want map[int32]float64
	}{
		{"temperature 1", Params{Temperature: 1}, all},
		// Square roots: 0.387298+0.632456+0.223607+0.547723+0.316228 = 2.107311.
		{"temperature 2", Params{Temperature: 2}, map[int32]float64{0: 0.387298 / 2.107311, 1: 0.632456 / 2.107311, 2: 0.223607 / 2.107311, 3: 0.547723 / 2.107311, 4: 0.316228 / 2.107311}},
		// Squares: 0.16+0.09+0.0225+0.01+0.0025 = 0.285.
		{"temperature 0.5", Params{Temperature: 0.5}, map[int32]float64{0: 0.0225 / 0.285, 1: 0.16 / 0.285, 2: 0.0025 / 0.285, 3: 0.09 / 0.285, 4: 0.01 / 0.285}},
		{"top-k 2", Params{Temperature: 1, TopK: 2}, map[int32]float64{1: 4.0 / 7, 3: 3.0 / 7}},
		{"top-k 1", Params{Temperature: 1, TopK: 1}, map[int32]float64{1: 1}},
		{"top-k of all", Params{Temperature: 1, TopK: 9}, all},
		{"top-p 0.6", Params{Temperature: 1, TopP: 0.6}, map[int32]float64{1: 4.0 / 7, 3: 3.0 / 7}},
		{"top-p 0.75", Params{Temperature: 1, TopP: 0.75}, map[int32]float64{1: 40.0 / 85, 3: 30.0 / 85, 0: 15.0 / 85}},
		{"top-p 0.01", Params{Temperature: 1, TopP: 0.01}, map[int32]float64{1: 1}},
		{"top-p 1", Params{Temperature: 1, TopP: 1}, all},
		// After top-k 3 the shares are 0.4706, 0.3529, 0.1765.
		{"top-k 3 and top-p 0.8", Params{Temperature: 1, TopK: 3, TopP: 0.8}, map[int32]float64{1: 4.0 / 7, 3: 3.0 / 7}},
		{"min-p 0.3", Params{Temperature: 1, MinP: 0.3}, map[int32]float64{0: 15.0 / 85, 1: 40.0 / 85, 3: 30.0 / 85}},
		{"min-p 0.3 after top-k", Params{Temperature: 1, TopK: 4, MinP: 0.3}, map[int32]float64{0: 15.0 / 85, 1: 40.0 / 85, 3: 30.0 / 85}},
		{"min-p 1", Params{Temperature: 1, MinP: 1}, map[int32]float64{1: 1}},
		// The temperature comes last, so a high one doesn't let more tokens in.
		{"top-p before temperature", Params{Temperature: 0.5, TopP: 0.6}, map[int32]float64{1: 0.16 / 0.25, 3: 0.09 / 0.25}},
		// Entropy 1.3922 nats; surprises 0.916, 1.204, 1.897, 2.303, 2.996; distances 0.476, 0.188, 0.505, 0.910, 1.604.
		{"typical 0.3", Params{Temperature: 1, TypicalP: 0.29}, map[int32]float64{3: 1}},
		{"typical 0.6", Params{Temperature: 1, TypicalP: 0.6}, map[int32]float64{3: 3.0 / 7, 1: 4.0 / 7}},
		{"typical 0.8", Params{Temperature: 1, TypicalP: 0.8}, map[int32]float64{3: 30.0 / 85, 1: 40.0 / 85, 0: 15.0 / 85}},
		// At or above 0.15 are 1, 3 and 0; the least probable of them stays.
		{"XTC", Params{Temperature: 1, XTCProbability: 1, XTCThreshold: 0.149}, map[int32]float64{0: 0.5, 4: 1.0 / 3, 2: 1.0 / 6}},
		{"XTC with one above", Params{Temperature: 1, XTCProbability: 1, XTCThreshold: 0.35}, all},
		{"bias", Params{Temperature: 1, LogitBias: map[int32]float32{1: negInf, 3: float32(math.Log(2)), 77: 1}},
			map[int32]float64{0: 0.15 / 0.9, 2: 0.05 / 0.9, 3: 0.6 / 0.9, 4: 0.1 / 0.9}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := range uint64(20) {
				check(t, New(seeded(tc.p, seed), len(logits)), logits, tc.want)
			}
		})
	}
}

func TestPenalties(t *testing.T) {
	logits := []float32{2, -1, 0.5, 3}
	sample := func(p Params, history ...int32) []float32 {
		p.Temperature = 0
		c := New(p, len(logits))
		for _, id := range history {
			c.Accept(id)
		}
		got := slices.Clone(logits)
		c.Sample(got)
		return got
	}
	for _, tc := range []struct {
		name    string
		p       Params
		history []int32
		want    []float32
	}{
		{"repetition", Params{RepeatPenalty: 2}, []int32{0, 1, 0}, []float32{1, -2, 0.5, 3}},
		{"frequency", Params{FrequencyPenalty: 0.5}, []int32{0, 1, 0}, []float32{1, -1.5, 0.5, 3}},
		{"presence", Params{PresencePenalty: 0.5}, []int32{0, 1, 0}, []float32{1.5, -1.5, 0.5, 3}},
		{"all", Params{RepeatPenalty: 2, FrequencyPenalty: 0.5, PresencePenalty: 1}, []int32{3, 3}, []float32{2, -1, 0.5, -0.5}},
		{"window", Params{PresencePenalty: 1, PenaltyWindow: 2}, []int32{0, 1, 2, 1}, []float32{2, -2, -0.5, 3}},
		{"window forgets", Params{FrequencyPenalty: 1, PenaltyWindow: 2}, []int32{0, 0, 3, 3, 3}, []float32{2, -1, 0.5, 1}},
		{"default window", Params{PresencePenalty: 1}, append([]int32{0}, slices.Repeat([]int32{3}, 64)...), []float32{2, -1, 0.5, 2}},
		{"no window", Params{PresencePenalty: 1, PenaltyWindow: -1}, append([]int32{0}, slices.Repeat([]int32{3}, 64)...), []float32{1, -1, 0.5, 2}},
		{"out of range", Params{PresencePenalty: 1}, []int32{-1, 4, 1 << 30}, []float32{2, -1, 0.5, 3}},
		// 0 1 2 | 0 1: what follows is 2, after a match of two tokens; 1 followed 0 after no match, as 0 isn't at the end.
		{"DRY", Params{DRYMultiplier: 1}, []int32{0, 1, 2, 0, 1}, []float32{2, -1, -0.5, 3}},
		// A match of four tokens: 1 × 1.75².
		{"DRY long", Params{DRYMultiplier: 1}, []int32{3, 0, 0, 1, 2, 3, 0, 0, 1}, []float32{2, -1, 0.5 - 3.0625, 3}},
		{"DRY too short", Params{DRYMultiplier: 1, DRYAllowedLength: 3}, []int32{0, 1, 2, 0, 1}, logits},
		{"DRY base", Params{DRYMultiplier: 2, DRYBase: 3, DRYAllowedLength: 1}, []int32{0, 1, 2, 0, 1}, []float32{2, -1, 0.5 - 6, 3}},
		{"DRY window", Params{DRYMultiplier: 1, DRYWindow: 4}, []int32{0, 1, 2, 0, 1}, logits},
	} {
		if got := sample(tc.p, tc.history...); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestDRYBreakers(t *testing.T) {
	c := New(Params{DRYMultiplier: 1}, 5)
	c.Breakers([]int32{4})
	for _, id := range []int32{0, 4, 1, 2, 0, 4, 1} {
		c.Accept(id)
	}
	logits := make([]float32, 5)
	c.Sample(logits)
	if logits[2] != 0 {
		t.Errorf("a match of one token after the breaker was penalised: %v", logits)
	}
	c.Accept(2)
	clear(logits)
	c.Sample(logits)
	if logits[0] != -1 {
		t.Errorf("1 2 after the breaker should be a match of two tokens: %v", logits)
	}
}

// The matches by the definition, for random histories over few tokens.
func TestDRYMatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		h := make([]int32, 2+rng.IntN(40))
		for i := range h {
			h[i] = rng.Int32N(3)
		}
		want := make([]int32, 3)
		for end := 1; end < len(h); end++ { // the match ends before h[end]
			k := 0
			for k < end && h[end-1-k] == h[len(h)-1-k] {
				k++
			}
			want[h[end]] = max(want[h[end]], int32(k))
		}
		d := newDRY(Params{}, 3)
		for _, id := range h {
			d.add(id)
		}
		d.matches(d.history)
		if !slices.Equal(d.match, want) {
			t.Fatalf("%v: got %v, want %v", h, d.match, want)
		}
	}
}

func TestGreedy(t *testing.T) {
	for _, tc := range []struct {
		logits []float32
		want   int32
	}{
		{[]float32{1, 3, 3, 2}, 1},
		{[]float32{1, 2, 3, 4, 5, 5}, 4},
		{[]float32{nan, 1, nan, 2, nan}, 3},
		{[]float32{nan, nan, nan}, 0},
		{[]float32{nan, negInf, negInf}, 1},
		{[]float32{1, inf, inf, nan, 4}, 1},
		{[]float32{0, -1, 7, 7, 7, 7, 7, 7, 8}, 8},
		{[]float32{float32(math.Copysign(0, -1)), 0}, 0},
	} {
		for _, c := range []*Chain{New(Params{}, len(tc.logits)), New(Params{TopK: 40, TopP: 0.9}, len(tc.logits))} {
			if !c.Greedy() {
				t.Error("a chain at temperature 0 is not greedy")
			}
			if got := c.Sample(slices.Clone(tc.logits)); got != tc.want {
				t.Errorf("%v: got %d, want %d", tc.logits, got, tc.want)
			}
		}
	}
	for _, p := range []Params{{RepeatPenalty: 1.1}, {DRYMultiplier: 1}, {LogitBias: map[int32]float32{0: 1}}, {Temperature: 1}} {
		if New(p, 4).Greedy() {
			t.Errorf("%+v is greedy", p)
		}
	}
}

// Whatever the logits are, Sample returns a token there is, and none that is forbidden if there is another one.
func TestStrangeLogits(t *testing.T) {
	params := map[string]Params{
		"plain": {Temperature: 1}, "top-k": {Temperature: 1, TopK: 3}, "top-p": {Temperature: 0.3, TopP: 0.9},
		"min-p": {Temperature: 2, MinP: 0.1}, "typical": {Temperature: 1, TypicalP: 0.5}, "mirostat": {Temperature: 1, MirostatTau: 3},
		"all": {Temperature: 1, TopK: 4, TopP: 0.9, MinP: 0.01, TypicalP: 0.9, XTCProbability: 0.5, RepeatPenalty: 1.3, DRYMultiplier: 1},
		"hot": {Temperature: 100}, "cold": {Temperature: 1e-30},
	}
	for name, p := range params {
		for _, logits := range [][]float32{
			{nan, nan, nan, nan, nan}, {negInf, negInf, negInf, negInf, negInf}, {nan, negInf, nan, negInf, nan},
			{inf, inf, 1, 2, nan}, {negInf, nan, 5, negInf, nan}, {0, 0, 0, 0, 0}, {math.MaxFloat32, -math.MaxFloat32, 0, 1, 2},
			{1e30, -1e30, nan, inf, negInf},
		} {
			for seed := range uint64(10) {
				c := New(seeded(p, seed), len(logits))
				for range 4 {
					id := c.Sample(slices.Clone(logits))
					if id < 0 || int(id) >= len(logits) {
						t.Fatalf("%s on %v: chose %d", name, logits, id)
					}
					allowed := func(x float32) bool { return x > negInf }
					if slices.ContainsFunc(logits, allowed) && !allowed(logits[id]) {
						t.Errorf("%s on %v: chose %d, which is forbidden", name, logits, id)
					}
					for _, x := range c.Candidates() {
						if !(x.P >= 0 && x.P <= 1.0001) {
							t.Errorf("%s on %v: probability %v", name, logits, x.P)
						}
					}
					c.Accept(id)
				}
			}
		}
	}
	if New(Params{Temperature: 1}, 0).Sample(nil) != 0 {
		t.Error("no logits don't give token 0")
	}
}

func TestSeed(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	logits := make([]float32, 1000)
	for i := range logits {
		logits[i] = float32(rng.NormFloat64())
	}
	sequence := func(p Params) (ids []int32, seed uint64) {
		c := New(p, len(logits))
		for range 50 {
			id := c.Sample(slices.Clone(logits))
			c.Accept(id)
			ids = append(ids, id)
		}
		return ids, c.Seed()
	}
	for _, p := range []Params{{Temperature: 1}, Defaults(), {Temperature: 1, MirostatTau: 4}, {Temperature: 1, TopP: 0.9, XTCProbability: 0.3, XTCThreshold: 0.001}} {
		first, seed := sequence(seeded(p, 42))
		if again, _ := sequence(seeded(p, 42)); !slices.Equal(first, again) || seed != 42 {
			t.Errorf("%+v: the same seed gave another sequence", p)
		}
		if other, _ := sequence(seeded(p, 43)); slices.Equal(first, other) {
			t.Errorf("%+v: another seed gave the same sequence", p)
		}
		fresh, seed := sequence(p)
		if again, _ := sequence(seeded(p, seed)); !slices.Equal(fresh, again) {
			t.Errorf("%+v: the reported seed does not repeat the sequence", p)
		}
	}
}

// Draws follow the probabilities: chi-square over many draws, with a bound that a right sampler exceeds once in a
// million runs (but the seed is fixed).
func TestDrawFrequencies(t *testing.T) {
	p := []float64{0.15, 0.4, 0.05, 0.3, 0.1}
	c := New(seeded(Params{Temperature: 1}, 7), len(p))
	const n = 100000
	var count [5]float64
	for range n {
		count[c.Sample(logitsOf(p...))]++
	}
	chi := 0.0
	for i := range p {
		chi += (count[i] - n*p[i]) * (count[i] - n*p[i]) / (n * p[i])
	}
	if chi > 33.4 {
		t.Errorf("chi-square %.1f for %v", chi, count)
	}
}

func TestMirostat(t *testing.T) {
	// At tau 0.5 mu begins at 1 bit: only tokens of probability 0.5 or more are left.
	logits := logitsOf(0.6, 0.3, 0.1)
	c := New(seeded(Params{Temperature: 1, MirostatTau: 0.5}, 1), 3)
	check(t, c, logits, map[int32]float64{0: 1})
	// The surprise was 0, so mu rose by 0.1 × 0.5.
	if math.Abs(c.mu-1.05) > 1e-9 {
		t.Errorf("mu is %v, want 1.05", c.mu)
	}
	// The average surprise of many draws comes to tau.
	rng := rand.New(rand.NewPCG(5, 6))
	wide := make([]float32, 5000)
	for i := range wide {
		wide[i] = float32(2 * rng.NormFloat64())
	}
	c = New(seeded(Params{Temperature: 1, MirostatTau: 5}, 2), len(wide))
	sum := 0.0
	const n = 3000
	for range n {
		id := c.Sample(slices.Clone(wide))
		for _, x := range c.Candidates() {
			if x.ID == id {
				sum -= math.Log2(float64(x.P))
			}
		}
	}
	if mean := sum / n; math.Abs(mean-5) > 0.2 {
		t.Errorf("the average surprise is %.2f bits, want 5", mean)
	}
}

func TestDescribe(t *testing.T) {
	got := New(seeded(Params{Temperature: 0.7, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.1, XTCProbability: 0.5, LogitBias: map[int32]float32{1: 1}}, 42), 10).Describe()
	at := -1
	for _, step := range []string{"logit bias", "repetition penalty 1.1 over the last 64 tokens", "top-k 40", "top-p 0.95", "min-p 0.05", "XTC 0.5 above 0.1", "temperature 0.7", "seed 42"} {
		i := strings.Index(got, step)
		if i <= at {
			t.Errorf("%q is missing or out of order in %q", step, got)
		}
		at = i
	}
	if got := New(Params{}, 10).Describe(); got != "arg-max" {
		t.Errorf("greedy is described as %q", got)
	}
	if got := New(Params{Temperature: 1, MirostatTau: 5, TopK: 3}, 10).Describe(); strings.Contains(got, "top-k") || !strings.Contains(got, "mirostat") {
		t.Errorf("mirostat is described as %q", got)
	}
}

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	if err := (Params{}).Validate(); err != nil {
		t.Error(err)
	}
	for field, p := range map[string]Params{
		"temperature": {Temperature: -1}, "top_k": {TopK: -1}, "top_p": {TopP: 1.5}, "min_p": {MinP: nan}, "typical_p": {TypicalP: -0.1},
		"repeat_penalty": {RepeatPenalty: inf}, "presence_penalty": {PresencePenalty: nan}, "frequency_penalty": {FrequencyPenalty: 1000},
		"penalty_window": {PenaltyWindow: -2}, "dry_multiplier": {DRYMultiplier: -1}, "dry_base": {DRYBase: 0.5},
		"dry_allowed_length": {DRYAllowedLength: -1}, "dry_window": {DRYWindow: -1}, "xtc_probability": {XTCProbability: 2},
		"xtc_threshold": {XTCThreshold: -1}, "mirostat_tau": {MirostatTau: -1}, "mirostat_eta": {MirostatEta: 2},
		"logit_bias": {LogitBias: map[int32]float32{-1: 1}}, "logit_bias of token 3": {LogitBias: map[int32]float32{3: inf}},
	} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
