package inference_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"burble/inference"
	"burble/inference/chat"
	"burble/inference/compute"
	"burble/inference/compute/cpu"
	"burble/inference/model/modeltest"
)

// fakeGPUs are GPUs that compute on the CPU, have as much memory as the test says, and fail when it says.
type fakeGPUs struct {
	free      []int64 // of each
	openError error
	failAt    int // the Sync that fails on every device, counted from 1; 0: none does
	opened    []*fakeGPU
}

type fakeGPU struct {
	compute.Device
	name   string
	free   int64
	failAt int
	syncs  int
	closed bool
}

var errHang = errors.New("layer 1 · ffn_norm rmsnorm [1×64] did not complete in 30 s")

func (g *fakeGPUs) Devices() ([]inference.DeviceInfo, error) {
	if len(g.free) == 0 {
		return nil, errors.New("no driver: install one")
	}
	var list []inference.DeviceInfo
	for i := range g.free {
		list = append(list, inference.DeviceInfo{Name: "Fake " + string(rune('A'+i)), Kind: "gpu"})
	}
	return list, nil
}

func (g *fakeGPUs) Open(_ context.Context, i int, progress func(inference.Progress)) (compute.Device, error) {
	if g.openError != nil {
		return nil, g.openError
	}
	progress(inference.Progress{Stage: inference.StageCompile, Done: 1, Total: 1})
	dev, err := cpu.New(cpu.Options{})
	if err != nil {
		return nil, err
	}
	d := &fakeGPU{Device: dev, name: "Fake " + string(rune('A'+i)), free: g.free[i], failAt: g.failAt}
	g.opened = append(g.opened, d)
	return d, nil
}

func (g *fakeGPUs) Measured(string, float64) {}
func (g *fakeGPUs) Driver() string           { return "fake 1.0" }
func (g *fakeGPUs) Close() error             { return nil }

func (d *fakeGPU) Name() string           { return d.name }
func (d *fakeGPU) Memory() compute.Memory { return compute.Memory{Total: d.free, Free: d.free} }
func (d *fakeGPU) NewQueue() (compute.Queue, error) {
	q, err := d.Device.NewQueue()
	return &fakeQueue{Queue: q, d: d}, err
}
func (d *fakeGPU) Close() error {
	d.closed = true
	return d.Device.Close()
}

type fakeQueue struct {
	compute.Queue
	d *fakeGPU
}

func (q *fakeQueue) Sync() error {
	if err := q.Queue.Sync(); err != nil {
		return err
	}
	q.d.syncs++
	if q.d.failAt > 0 && q.d.syncs >= q.d.failAt {
		return errHang
	}
	return nil
}

func runWith(t *testing.T, g *fakeGPUs) *inference.Engine {
	t.Helper()
	e := inference.StartWith(context.Background(), g)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		for _, d := range g.opened {
			if !d.closed {
				t.Errorf("%s is left open", d.name)
			}
		}
	})
	return e
}

func loaded(t *testing.T, events []inference.Event) inference.Loaded {
	t.Helper()
	l, ok := events[len(events)-1].(inference.Loaded)
	if !ok {
		t.Fatalf("loading ended with %+v", events[len(events)-1])
	}
	return l
}

const plenty = 16 << 30

// TestPlacements spreads a model of 8 layers, and wants the same answer from everywhere.
func TestPlacements(t *testing.T) {
	path := modeltest.Write(t, modeltest.Options{Layers: 8})
	request := inference.Request{Messages: []chat.Message{says(chat.User, "hello")}, MaxTokens: 20}
	plain := run(t)
	load(t, plain, path, inference.Placement{})
	want := ask(t, plain, request)
	for name, c := range map[string]struct {
		gpus   fakeGPUs
		place  inference.Placement
		layers int
		device string
		warns  string
	}{
		"all on one":    {fakeGPUs{free: []int64{plenty}}, inference.Placement{}, 8, "Fake A", ""},
		"on two":        {fakeGPUs{free: []int64{405000000, plenty}}, inference.Placement{Device: "gpu"}, 8, "Fake A", ""},
		"a part":        {fakeGPUs{free: []int64{405000000}}, inference.Placement{}, -1, "Fake A", "layers; the CPU runs the others"},
		"by the user":   {fakeGPUs{free: []int64{plenty}}, inference.Placement{Layers: 3}, 3, "Fake A", ""},
		"a split":       {fakeGPUs{free: []int64{plenty, plenty}}, inference.Placement{Split: "3, 4"}, 7, "Fake A", ""},
		"the second":    {fakeGPUs{free: []int64{plenty, plenty}}, inference.Placement{Device: "Fake B"}, 8, "Fake B", ""},
		"the CPU":       {fakeGPUs{free: []int64{plenty}}, inference.Placement{Device: "cpu"}, 0, "CPU", ""},
		"no GPU":        {fakeGPUs{}, inference.Placement{}, 0, "CPU", ""},
		"no room":       {fakeGPUs{free: []int64{1 << 20}}, inference.Placement{}, 0, "", "out of memory"},
		"it won't open": {fakeGPUs{free: []int64{plenty}, openError: errors.New("the render group")}, inference.Placement{}, 0, "CPU", "render group"},
		"it won't load": {fakeGPUs{free: []int64{plenty}, failAt: 1}, inference.Placement{}, 0, "CPU", "The GPU is not used"},
	} {
		t.Run(name, func(t *testing.T) {
			e := runWith(t, &c.gpus)
			l := loaded(t, await(t, e, e.Load(path, c.place)))
			if got := l.Model.GPULayers; got != c.layers && !(c.layers < 0 && got > 0 && got < 8) {
				t.Errorf("%d layers on the GPU, want %d", got, c.layers)
			}
			if !strings.HasPrefix(l.Model.Device, c.device) {
				t.Errorf("device %q, want %q", l.Model.Device, c.device)
			}
			if warnings := strings.Join(l.Warnings, " "); c.warns == "" && warnings != "" || !strings.Contains(warnings, c.warns) {
				t.Errorf("warnings %q, want %q", warnings, c.warns)
			}
			if got := ask(t, e, request); got.text != want.text || got.err != nil {
				t.Errorf("answer %q (%v), want %q", got.text, got.err, want.text)
			}
		})
	}
}

func TestSplitThatDoesNotFit(t *testing.T) {
	e := runWith(t, &fakeGPUs{free: []int64{plenty, plenty}})
	path := modeltest.Write(t, modeltest.Options{})
	for _, split := range []string{"1,1,1", "3", "x", "-1,2", "0,0", "1,"} {
		got := collect(await(t, e, e.Load(path, inference.Placement{Device: "gpu", Split: split})))
		if got.err == nil || !strings.Contains(got.err.Error(), "a split of") {
			t.Errorf("%q: %v", split, got.err)
		}
	}
}

func TestGPUAsked(t *testing.T) {
	e := runWith(t, &fakeGPUs{})
	got := collect(await(t, e, e.Load(modeltest.Write(t, modeltest.Options{}), inference.Placement{Device: "gpu"})))
	if got.err == nil || !strings.Contains(got.err.Error(), "install one") {
		t.Errorf("asking for a GPU where there is none: %v", got.err)
	}
}

// TestHangGoesOnWithCPU lets the GPU fail at every moment of an answer, and wants the same answer all the same.
func TestHangGoesOnWithCPU(t *testing.T) {
	path := modeltest.Write(t, modeltest.Options{})
	request := inference.Request{Messages: []chat.Message{says(chat.User, "hello")}, MaxTokens: 12}
	plain := run(t)
	load(t, plain, path, inference.Placement{})
	want := ask(t, plain, request)
	moves := 0
	const loading = 3 // Syncs before a model is loaded; failing there is TestPlacements' business
	for failAt := loading + 1; failAt < 30; failAt++ {
		g := &fakeGPUs{free: []int64{plenty}, failAt: failAt}
		e := inference.StartWith(context.Background(), g)
		l := loaded(t, await(t, e, e.Load(path, inference.Placement{})))
		events := await(t, e, e.Generate(request))
		got := collect(events)
		if got.err != nil || got.text != want.text {
			t.Errorf("failing at %d: %q (%v), want %q", failAt, got.text, got.err, want.text)
		}
		for _, ev := range events {
			if ev, ok := ev.(inference.Moved); ok {
				moves++
				if !errors.Is(ev.Reason, errHang) || !strings.HasPrefix(ev.Model.Device, "CPU") || l.Model.GPULayers == 0 {
					t.Errorf("moved: %+v", ev)
				}
			}
		}
		if err := e.Close(); err != nil && !errors.Is(err, errHang) { // it may fail only now
			t.Error(err)
		}
	}
	if moves < 10 {
		t.Errorf("the model moved %d times; this test is failing at the wrong moments", moves)
	}
}

// TestLookup wants the same answer with prompt lookup decoding as without.
func TestLookup(t *testing.T) {
	e := run(t)
	load(t, e, modeltest.Write(t, modeltest.Options{}), inference.Placement{KVType: "F32"})
	prompt := strings.Repeat("hello, hello; ", 8)
	seed := uint64(7)
	for name, r := range map[string]inference.Request{
		"greedy":  {Prompt: prompt, MaxTokens: 100},
		"sampled": {Prompt: prompt, MaxTokens: 100},
	} {
		if name == "sampled" {
			r.Sampling.Temperature, r.Sampling.TopK, r.Sampling.Seed, r.Sampling.RepeatPenalty = 0.8, 20, &seed, 1.1
		}
		want := ask(t, e, r)
		for _, n := range []int{1, 4, 10} {
			r.Lookup = n
			if got := ask(t, e, r); got.text != want.text || got.done.Stats.Tokens != want.done.Stats.Tokens || got.err != nil {
				t.Errorf("%s, %d ahead: %q, without %q (%v)", name, n, got.text, want.text, got.err)
			}
		}
	}
}

// TestIdleGPUIsReleased waits until an idle GPU is closed, and wants the next answer to be as good as before.
func TestIdleGPUIsReleased(t *testing.T) {
	g := &fakeGPUs{free: []int64{plenty}}
	e := runWith(t, g)
	loaded(t, await(t, e, e.Load(modeltest.Write(t, modeltest.Options{}), inference.Placement{Idle: 50 * time.Millisecond})))
	request := inference.Request{Messages: []chat.Message{says(chat.User, "hello")}, MaxTokens: 12}
	first := ask(t, e, request)
	time.Sleep(300 * time.Millisecond)
	again := ask(t, e, request)
	if again.err != nil || again.text != first.text || again.started.Reused != 0 {
		t.Errorf("after idling: %q (%v), %d tokens reused; before %q", again.text, again.err, again.started.Reused, first.text)
	}
	if len(g.opened) != 2 || !g.opened[0].closed || g.opened[1].closed {
		t.Errorf("the GPU was opened %d times; want twice, and closed in between", len(g.opened))
	}
}
