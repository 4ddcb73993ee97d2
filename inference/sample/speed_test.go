package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

const vocab = 151936

// modelLike returns logits as models give them: a broad bulk, and a few tokens far above it.
func modelLike() []float32 {
	rng := rand.New(rand.NewPCG(1, 1))
	logits := make([]float32, vocab)
	for i := range logits {
		logits[i] = float32(rng.NormFloat64() * 2.5)
	}
	for i := range 30 {
		logits[rng.IntN(vocab)] = float32(18 - 0.4*float64(i))
	}
	return logits
}

// The fast selections against sorting everything, on random logits with many ties.
func TestSelectionAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for round := range 400 {
		n := 1 + rng.IntN(3000)
		logits := make([]float32, n)
		for i := range logits {
			logits[i] = float32(math.Round(rng.NormFloat64()*16)) / 8
			if round%2 == 0 {
				logits[i] = float32(rng.NormFloat64() * 3)
			}
		}
		full := make([]Candidate, n)
		sum := 0.0
		for i, x := range logits {
			full[i] = Candidate{ID: int32(i), Logit: x}
			sum += math.Exp(float64(x))
		}
		slices.SortFunc(full, descending)
		ids := func(c []Candidate) (out []int32) {
			for _, x := range c {
				out = append(out, x.ID)
			}
			return out
		}
		k := 1 + rng.IntN(n)
		c := New(Params{Temperature: 1, TopK: k}, n)
		c.Sample(slices.Clone(logits))
		if !slices.Equal(ids(c.Candidates()), ids(full[:k])) {
			t.Fatalf("top-k %d of %d differs from sorting", k, n)
		}

		p := rng.Float64()*0.98 + 0.01
		c = New(Params{Temperature: 1, TopP: float32(p)}, n)
		c.Sample(slices.Clone(logits))
		mass, want := 0.0, 0
		for ; want < n && mass < p; want++ {
			mass += math.Exp(float64(full[want].Logit)) / sum
		}
		got := c.Candidates()
		// Rounding may move the end by one token where the mass is just at p.
		if d := len(got) - want; d < -1 || d > 1 || !slices.Equal(ids(got), ids(full[:len(got)])) {
			t.Fatalf("top-p %v keeps %d of %d tokens, want %d", p, len(got), n, want)
		}
	}
}

// Where the mass reaches far below the top, the buckets there count as well.
func TestTopPFarBelow(t *testing.T) {
	logits := make([]float32, 3000)
	for i := range logits {
		logits[i] = -float32(i) * 1e-3
	}
	logits[1234] = 14
	for _, tc := range []struct{ p, least, most float32 }{{0.99, 1, 1}, {0.9995, 300, 1500}, {0.99999, 2000, 2999}} {
		c := New(Params{Temperature: 1, TopP: tc.p}, len(logits))
		c.Sample(slices.Clone(logits))
		got := c.Candidates()
		sum, all := 0.0, 0.0
		for _, x := range logits {
			all += math.Exp(float64(x))
		}
		for _, x := range got[:len(got)-1] {
			sum += math.Exp(float64(logits[x.ID])) / all
		}
		last := math.Exp(float64(logits[got[len(got)-1].ID])) / all
		if n := float32(len(got)); n < tc.least || n > tc.most || sum >= float64(tc.p)+1e-6 || sum+last < float64(tc.p)-1e-6 {
			t.Errorf("top-p %v keeps %d tokens of mass %v", tc.p, len(got), sum+last)
		}
	}
}

func TestDecay(t *testing.T) {
	if decay(0) != 1 || decay(inf) != 0 || decay(1000) != 0 || decay(nan) != 0 {
		t.Error("decay is wrong at its ends")
	}
	for d := float32(0); d < 86.9; d += 0.00137 {
		want := math.Exp(-float64(d))
		if got := float64(decay(d)); math.Abs(got-want) > want*3e-7 {
			t.Fatalf("decay(%v) = %v, want %v", d, got, want)
		}
	}
}

func TestTop(t *testing.T) {
	got := Top(nil, logitsOf(0.15, 0.4, 0.05, 0.3, 0.1), 2)
	if len(got) != 2 || got[0].ID != 1 || got[1].ID != 3 || math.Abs(float64(got[0].P)-0.4) > 1e-6 || math.Abs(float64(got[1].P)-0.3) > 1e-6 {
		t.Errorf("got %v", got)
	}
	if got := Top(nil, []float32{nan, negInf}, 5); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

var chains = []struct {
	name string
	p    Params
}{
	{"greedy", Params{}},
	{"top-k 40", Params{Temperature: 0.8, TopK: 40}},
	{"defaults", Defaults()},
	{"everything", Params{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, TypicalP: 0.98, RepeatPenalty: 1.1, PresencePenalty: 0.1, FrequencyPenalty: 0.1, XTCProbability: 0.5, DRYMultiplier: 0.8}},
	{"top-p", Params{Temperature: 0.8, TopP: 0.95}},
	{"min-p", Params{Temperature: 0.8, MinP: 0.05}},
	{"typical", Params{Temperature: 0.8, TypicalP: 0.95}},
	{"temperature", Params{Temperature: 0.8}},
	{"mirostat", Params{Temperature: 0.8, MirostatTau: 5}},
}

func TestAllocations(t *testing.T) {
	original := modelLike()
	logits := make([]float32, vocab)
	for _, tc := range chains {
		c := New(seeded(tc.p, 1), vocab)
		step := func() {
			copy(logits, original)
			c.Accept(c.Sample(logits))
		}
		for range 200 {
			step()
		}
		if n := testing.AllocsPerRun(20, step); n >= 1 {
			t.Errorf("%s allocates %v times a token", tc.name, n)
		}
	}
}

func BenchmarkSample(b *testing.B) {
	original := modelLike()
	logits := make([]float32, vocab)
	for _, tc := range chains {
		b.Run(tc.name, func(b *testing.B) {
			c := New(seeded(tc.p, 1), vocab)
			copy(logits, original)
			b.ReportAllocs()
			for b.Loop() {
				// Penalties would drift the logits if they were not restored where they changed.
				c.Sample(logits)
			}
		})
	}
}
