package terminal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// benchResult is what burble bench measures. Rates are medians in tokens a second; a spread is the range of the runs as a
// share of the median.
type benchResult struct {
	Model              string    `json:"model"`
	Device             string    `json:"device"`
	PromptTokens       int       `json:"prompt_tokens"`
	Generated          int       `json:"generated_tokens"`
	Depth              int       `json:"depth"`
	Prefill            float64   `json:"prefill_tps"`
	PrefillSpread      float64   `json:"prefill_spread"`
	PrefillRuns        []float64 `json:"prefill_runs"`
	Decode             float64   `json:"decode_tps"`
	DecodeSpread       float64   `json:"decode_spread"`
	DecodeRuns         []float64 `json:"decode_runs"`
	LoadSeconds        float64   `json:"load_s"`
	FirstToken         float64   `json:"first_token_s"` // from the start of the load to one token after a one-token prompt
	PeakRSS            int64     `json:"peak_rss_bytes"`
	ReadBandwidth      float64   `json:"read_bandwidth_bytes_s"` // of the machine's memory, measured here
	ReadBandwidthShare float64   `json:"read_bandwidth_share"`   // weights read per second in decode, of that
	Bytes              int64     `json:"model_bytes"`
}

func runBench(ctx context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	path := fs.String("m", "", "model `FILE`")
	prompt := fs.Int("p", 512, "tokens of the prompt; 0 leaves prefill out")
	generate := fs.Int("n", 128, "tokens to generate; 0 leaves decode out")
	depth := fs.Int("d", 0, "tokens already in the context when decoding")
	runs := fs.Int("r", 5, "runs of each")
	asJSON := fs.Bool("json", false, "print JSON")
	place := placementFlags(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if *prompt < 0 || *generate < 0 || *depth < 0 || *runs < 1 {
		return usageError("-p, -n and -d can't be negative, and -r is at least 1")
	}
	p := place()
	if p.Context == 0 {
		p.Context = max(*prompt, *depth+*generate, 1) + 1
	}
	start := time.Now()
	m, err := open(ctx, s, *path, p)
	if err != nil {
		return err
	}
	defer m.Close()
	info := m.Info()
	session := m.Session()
	r := benchResult{Model: info.Path, Device: info.Device, PromptTokens: *prompt, Generated: *generate, Depth: *depth,
		LoadSeconds: m.Took().Seconds(), Bytes: info.FileBytes}
	random := rand.New(rand.NewPCG(1, 2)) // the same tokens in every run of the command
	tokens := func(n int) []int32 {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = int32(random.IntN(m.VocabSize()))
		}
		return ids
	}
	if _, err := session.Sync(ctx, tokens(1), nil); err != nil {
		return err
	}
	if _, err := session.Best(); err != nil {
		return err
	}
	r.FirstToken = time.Since(start).Seconds()
	for range *runs {
		if *prompt > 0 {
			session.Reset()
			ids := tokens(*prompt)
			begin := time.Now()
			if _, err := session.Sync(ctx, ids, nil); err != nil {
				return err
			}
			if _, err := session.Best(); err != nil {
				return err
			}
			r.PrefillRuns = append(r.PrefillRuns, float64(*prompt)/time.Since(begin).Seconds())
		}
		if *generate > 0 {
			session.Reset()
			if _, err := session.Sync(ctx, tokens(*depth+1), nil); err != nil {
				return err
			}
			ids := tokens(*generate)
			begin := time.Now()
			for _, id := range ids {
				if err := session.Step(ctx, id); err != nil {
					return err
				}
				if _, err := session.Best(); err != nil {
					return err
				}
			}
			r.DecodeRuns = append(r.DecodeRuns, float64(*generate)/time.Since(begin).Seconds())
		}
	}
	r.Prefill, r.PrefillSpread = median(r.PrefillRuns)
	r.Decode, r.DecodeSpread = median(r.DecodeRuns)
	r.PeakRSS = peakRSS()
	r.ReadBandwidth = m.ReadBandwidth(ctx)
	if r.ReadBandwidth == 0 {
		r.ReadBandwidth = readBandwidth(p.Threads)
	}
	r.ReadBandwidthShare = r.Decode * float64(m.DecodeBytes(*depth)) / r.ReadBandwidth
	if *asJSON {
		return printJSON(s, r)
	}
	fmt.Fprintf(s.out, "model      %s (%.2f GiB)\ndevice     %s\n", r.Model, gib(r.Bytes), r.Device)
	fmt.Fprintf(s.out, "load       %.3f s, first token after %.3f s\n", r.LoadSeconds, r.FirstToken)
	if *prompt > 0 {
		fmt.Fprintf(s.out, "prefill    %.1f tokens/s over %d tokens (spread %.1f %%)\n", r.Prefill, *prompt, 100*r.PrefillSpread)
	}
	if *generate > 0 {
		fmt.Fprintf(s.out, "decode     %.2f tokens/s over %d tokens at depth %d (spread %.1f %%)\n", r.Decode, *generate, *depth, 100*r.DecodeSpread)
		fmt.Fprintf(s.out, "bandwidth  %.0f %% of the %.1f GB/s that memory reads here\n", 100*r.ReadBandwidthShare, r.ReadBandwidth/1e9)
	}
	if r.PeakRSS > 0 {
		fmt.Fprintf(s.out, "memory     %.0f MiB at its peak\n", float64(r.PeakRSS)/(1<<20))
	}
	return nil
}

// median returns the median of runs, and their range as a share of it.
func median(runs []float64) (mid, spread float64) {
	if len(runs) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(runs))
	n := len(sorted)
	mid = (sorted[(n-1)/2] + sorted[n/2]) / 2
	return mid, (sorted[n-1] - sorted[0]) / mid
}

// peakRSS returns the most memory the process has had, in bytes, or 0 where the system doesn't say.
func peakRSS() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

// readBandwidth measures how fast threads together read memory, in bytes a second: the best of several passes over
// buffers that no cache holds.
func readBandwidth(threads int) float64 {
	if threads <= 0 {
		threads = runtime.NumCPU()
	}
	const size = 256 << 20
	buffers := make([][]uint64, threads)
	for i := range buffers {
		buffers[i] = make([]uint64, size/8)
		for j := range buffers[i] {
			buffers[i][j] = uint64(j)
		}
	}
	sums := make([]uint64, threads)
	best := 0.0
	for range 6 {
		begin := time.Now()
		var wg sync.WaitGroup
		for i, b := range buffers {
			wg.Go(func() { sums[i] += touch(b) })
		}
		wg.Wait()
		best = max(best, float64(threads)*size/time.Since(begin).Seconds())
	}
	runtime.KeepAlive(sums)
	return best
}

// line is how many uint64 a cache line holds, on the processors Burble is for.
const line = 8

// touch reads every cache line of b, and returns the sum of their first elements. A line moves from memory as a whole,
// and adding up all of it would measure the processor: 15 GB/s where memory reads 30 (measured). The four quarters are
// read side by side, so that the waits for address translation overlap.
func touch(b []uint64) uint64 {
	n := len(b) / 4
	p, q, r, s := b[:n], b[n:2*n], b[2*n:3*n], b[3*n:4*n]
	var p0, q0, r0, s0, p1, q1, r1, s1 uint64
	for len(p) >= 2*line && len(q) >= 2*line && len(r) >= 2*line && len(s) >= 2*line {
		p0 += p[0]
		q0 += q[0]
		r0 += r[0]
		s0 += s[0]
		p1 += p[line]
		q1 += q[line]
		r1 += r[line]
		s1 += s[line]
		p, q, r, s = p[2*line:], q[2*line:], r[2*line:], s[2*line:]
	}
	return p0 + q0 + r0 + s0 + p1 + q1 + r1 + s1
}
