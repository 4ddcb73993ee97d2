package inference_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"burble/gguf"
	"burble/hip"
	"burble/inference"
	"burble/inference/chat"
	"burble/inference/model/modeltest"
	"burble/inference/sample"
)

func TestMain(m *testing.M) {
	hip.MaybeCompileChild()
	goleak.VerifyTestMain(m)
}

// run starts an engine that the test closes.
func run(t testing.TB) *inference.Engine {
	t.Helper()
	e := inference.Start(context.Background(), inference.Options{})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// await returns the events of a request up to its last one.
func await(t testing.TB, e *inference.Engine, id inference.ID) []inference.Event {
	t.Helper()
	var got []inference.Event
	timeout := time.After(6 * time.Minute) // the software GPU compiles its kernels first, many minutes on a machine that is busy
	for {
		select {
		case ev, ok := <-e.Events():
			if !ok {
				t.Fatal("the engine has closed")
			}
			if ev.Request() != id {
				continue
			}
			got = append(got, ev)
			switch ev.(type) {
			case inference.Done, inference.Failed, inference.Loaded, inference.Unloaded:
				return got
			}
		case <-timeout:
			t.Fatal("no answer within six minutes")
		}
	}
}

func load(t testing.TB, e *inference.Engine, path string, p inference.Placement) inference.ModelInfo {
	t.Helper()
	got := await(t, e, e.Load(path, p))
	switch ev := got[len(got)-1].(type) {
	case inference.Loaded:
		return ev.Model
	case inference.Failed:
		t.Fatal(ev.Err)
	}
	panic("unreachable")
}

type answer struct {
	text, reasoning string
	started         inference.Started
	done            inference.Done
	err             error
}

func ask(t testing.TB, e *inference.Engine, r inference.Request) answer {
	t.Helper()
	return collect(await(t, e, e.Generate(r)))
}

func collect(events []inference.Event) (a answer) {
	for _, ev := range events {
		switch ev := ev.(type) {
		case inference.Started:
			a.started = ev
		case inference.Token:
			a.text += ev.Text
			a.reasoning += ev.Reasoning
		case inference.Done:
			a.done = ev
		case inference.Failed:
			a.err = ev.Err
		}
	}
	return a
}

func says(role chat.Role, text string) chat.Message { return chat.Message{Role: role, Content: text} }

func TestEngineAnswers(t *testing.T) {
	e := run(t)
	info := load(t, e, modeltest.Write(t, modeltest.Options{}), inference.Placement{Device: "cpu"})
	if info.Architecture != "qwen3" || info.Layers != 2 || info.ContextSize != 512 {
		t.Errorf("model info %+v", info)
	}
	talk := []chat.Message{says(chat.System, "Be brief."), says(chat.User, "hello")}
	first := ask(t, e, inference.Request{Messages: talk, MaxTokens: 20})
	if first.err != nil {
		t.Fatal(first.err)
	}
	if first.done.Stats.Tokens == 0 || first.done.Stats.Tokens > 20 || first.started.Reused != 0 {
		t.Errorf("first answer: %+v %+v", first.started, first.done)
	}
	// The same again is the same, and everything but the last token is in the cache.
	again := ask(t, e, inference.Request{Messages: talk, MaxTokens: 20})
	if again.text != first.text {
		t.Errorf("greedy answers differ: %q and %q", first.text, again.text)
	}
	if want := again.started.PromptTokens - 1; again.started.Reused != want {
		t.Errorf("%d tokens reused, want %d", again.started.Reused, want)
	}
	// A follow-up prefills only what is new.
	talk = append(talk, says(chat.Assistant, first.text), says(chat.User, "and then?"))
	next := ask(t, e, inference.Request{Messages: talk, MaxTokens: 5})
	if next.started.Reused < first.started.PromptTokens {
		t.Errorf("follow-up reused %d tokens, the first prompt had %d", next.started.Reused, first.started.PromptTokens)
	}
}

// TestReuseChangesNothing compares an answer after a reused prefix with one from scratch.
func TestReuseChangesNothing(t *testing.T) {
	path := modeltest.Write(t, modeltest.Options{Seed: 3})
	talk := []chat.Message{says(chat.User, "hello"), says(chat.Assistant, "hello, hello"), says(chat.User, "why?")}
	request := inference.Request{Messages: talk, MaxTokens: 30}
	fresh := run(t)
	load(t, fresh, path, inference.Placement{KVType: "F32"})
	want := ask(t, fresh, request)
	used := run(t)
	load(t, used, path, inference.Placement{KVType: "F32"})
	ask(t, used, inference.Request{Messages: []chat.Message{says(chat.User, "hello"), says(chat.Assistant, "hel")}, MaxTokens: 40})
	ask(t, used, inference.Request{Messages: talk[:1], MaxTokens: 3})
	got := ask(t, used, request)
	if got.started.Reused == 0 {
		t.Error("nothing was reused")
	}
	if got.text != want.text {
		t.Errorf("after reuse %q, from scratch %q", got.text, want.text)
	}
}

func TestSeeds(t *testing.T) {
	e := run(t)
	load(t, e, modeltest.Write(t, modeltest.Options{}), inference.Placement{})
	sampled := func(seed *uint64) answer {
		p := sample.Defaults()
		p.Temperature, p.Seed = 1.5, seed
		return ask(t, e, inference.Request{Prompt: "hello", Sampling: p, MaxTokens: 40})
	}
	one, two := uint64(1), uint64(2)
	a, b, c := sampled(&one), sampled(&one), sampled(&two)
	if a.text != b.text {
		t.Errorf("the same seed gave %q and %q", a.text, b.text)
	}
	if a.text == c.text {
		t.Errorf("two seeds gave the same %q", a.text)
	}
	if d := sampled(nil); d.done.Stats.Seed == 0 {
		t.Error("no seed was chosen")
	} else if again := sampled(&d.done.Stats.Seed); again.text != d.text {
		t.Errorf("the reported seed gave %q, not %q", again.text, d.text)
	}
}

// TestStop ends an answer early, with what there was of it, within a token.
func TestStop(t *testing.T) {
	e := run(t)
	load(t, e, modeltest.Write(t, modeltest.Options{Context: 100000}), inference.Placement{Context: 100000})
	bias := map[int32]float32{261: float32(-1e9)} // never end the turn
	id := e.Generate(inference.Request{Prompt: "hello", Sampling: sample.Params{LogitBias: bias}})
	var stopped time.Time
	tokens, after := 0, 0
	for ev := range e.Events() {
		if ev.Request() != id {
			continue
		}
		switch ev := ev.(type) {
		case inference.Token:
			if tokens = ev.Tokens; !stopped.IsZero() {
				after++
			} else if tokens >= 10 {
				stopped = time.Now()
				e.Stop(id)
			}
		case inference.Failed:
			t.Fatal(ev.Err)
		case inference.Done:
			if ev.Reason != inference.FinishStopped || ev.Stats.Tokens < 10 {
				t.Errorf("%+v", ev)
			}
			if d := time.Since(stopped); d > 3*time.Second { // a busy machine
				t.Errorf("stopping took %v", d)
			}
			// Tokens already on their way are delivered; the channel holds 64.
			if after > 66 {
				t.Errorf("%d tokens after Stop", after)
			}
			return
		}
	}
}

func TestMaxTokensAndContext(t *testing.T) {
	e := run(t)
	load(t, e, modeltest.Write(t, modeltest.Options{}), inference.Placement{Context: 64})
	never := sample.Params{LogitBias: map[int32]float32{261: -1e9}}
	if a := ask(t, e, inference.Request{Prompt: "hello", Sampling: never, MaxTokens: 7}); a.done.Reason != inference.FinishLength || a.done.Stats.Tokens != 7 {
		t.Errorf("%+v %v", a.done, a.err)
	}
	if a := ask(t, e, inference.Request{Prompt: "hello", Sampling: never}); a.done.Reason != inference.FinishContext || a.done.Stats.ContextUsed != 64 {
		t.Errorf("%+v %v", a.done, a.err)
	}
	var long []chat.Message
	for range 6 {
		long = append(long, says(chat.User, "hello"), says(chat.Assistant, "hello"))
	}
	long = append(long, says(chat.User, "hello"))
	var full *inference.ContextFullError
	if a := ask(t, e, inference.Request{Messages: long}); !errors.As(a.err, &full) || full.Size != 64 {
		t.Errorf("a conversation that is too long: %+v %v", a.done, a.err)
	}
	a := ask(t, e, inference.Request{Messages: long, Overflow: inference.DropOldest, MaxTokens: 3})
	if a.err != nil || a.started.Dropped == 0 || a.started.Dropped%2 != 0 {
		t.Errorf("dropping the oldest: %+v %v", a.started, a.err)
	}
	// A last message that can't fit by itself is refused under either policy.
	huge := []chat.Message{says(chat.User, strings.Repeat("x", 500))}
	if a := ask(t, e, inference.Request{Messages: huge, Overflow: inference.DropOldest}); !errors.As(a.err, &full) {
		t.Errorf("one message that is too long: %v", a.err)
	}
}

func TestStopStrings(t *testing.T) {
	e := run(t)
	load(t, e, modeltest.Write(t, modeltest.Options{}), inference.Placement{})
	never := sample.Params{LogitBias: map[int32]float32{261: -1e9, 260: -1e9, 259: -1e9}}
	whole := ask(t, e, inference.Request{Prompt: "hello", Sampling: never, MaxTokens: 60})
	cut := []rune(whole.text)
	if len(cut) < 10 {
		t.Fatalf("the answer %q is too short to cut", whole.text)
	}
	stop := string(cut[6:9])
	before, _, _ := strings.Cut(whole.text, stop)
	got := ask(t, e, inference.Request{Prompt: "hello", Sampling: never, MaxTokens: 60, Stop: []string{"no such thing", stop}})
	if got.text != before || got.done.Reason != inference.FinishStop {
		t.Errorf("stopped at %q: %q, want %q (%s)", stop, got.text, before, got.done.Reason)
	}
}

func TestLoadErrors(t *testing.T) {
	e := run(t)
	good := modeltest.Write(t, modeltest.Options{})
	bad := filepath.Join(t.TempDir(), "bad.gguf")
	if err := os.WriteFile(bad, []byte("GGUF nothing of the kind"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, e, inference.Request{Prompt: "hello"}); a.err == nil || !strings.Contains(a.err.Error(), "open one") {
		t.Errorf("without a model: %v", a.err)
	}
	load(t, e, good, inference.Placement{})
	for _, path := range []string{bad, filepath.Join(t.TempDir(), "missing.gguf"), modeltest.Write(t, modeltest.Options{Arch: "qwen9"})} {
		if got := await(t, e, e.Load(path, inference.Placement{})); collect(got).err == nil {
			t.Errorf("%s loads", path)
		}
		// The model that was there is still there.
		if a := ask(t, e, inference.Request{Prompt: "hello", MaxTokens: 2}); a.err != nil {
			t.Errorf("after a file that is no model: %v", a.err)
		}
	}
	await(t, e, e.Unload())
	if a := ask(t, e, inference.Request{Prompt: "hello"}); a.err == nil {
		t.Error("an unloaded model answers")
	}
	load(t, e, modeltest.Write(t, modeltest.Options{NoVocab: true}), inference.Placement{})
	if a := ask(t, e, inference.Request{Prompt: "hello"}); a.err == nil || !strings.Contains(a.err.Error(), "can't chat") {
		t.Errorf("a model without a vocabulary: %v", a.err)
	}
}

// TestLoadSupersedes starts many loads at once: the last one wins, the others end as cancelled or loaded.
func TestLoadSupersedes(t *testing.T) {
	e := run(t)
	path := modeltest.Write(t, modeltest.Options{Layers: 8})
	var ids []inference.ID
	for range 20 {
		ids = append(ids, e.Load(path, inference.Placement{}))
	}
	cancelled, open := 0, len(ids)
	for ev := range e.Events() {
		switch ev := ev.(type) {
		case inference.Failed:
			if !errors.Is(ev.Err, context.Canceled) {
				t.Error(ev.Err)
			}
			cancelled++
			open--
		case inference.Loaded:
			open--
			if ev.ID == ids[len(ids)-1] {
				if open != 0 {
					t.Errorf("%d loads have not ended", open)
				}
				if cancelled == 0 {
					t.Error("no load was cancelled")
				}
				return
			}
		}
	}
}

// TestCloseWhileBusy closes an engine in the middle of an answer that nobody reads.
func TestCloseWhileBusy(t *testing.T) {
	e := inference.Start(context.Background(), inference.Options{})
	load(t, e, modeltest.Write(t, modeltest.Options{Context: 100000}), inference.Placement{Context: 100000})
	e.Generate(inference.Request{Prompt: "hello", Sampling: sample.Params{LogitBias: map[int32]float32{261: -1e9}}})
	time.Sleep(20 * time.Millisecond)
	begin := time.Now()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 3*time.Second { // a busy machine
		t.Errorf("closing took %v", d)
	}
}

// TestMemoryIsFreed loads and unloads many times and looks at the process.
func TestMemoryIsFreed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	e := run(t)
	path := modeltest.Write(t, modeltest.Options{Layers: 8, Context: 8192})
	use := func(times int) int {
		for range times {
			load(t, e, path, inference.Placement{Context: 8192})
			ask(t, e, inference.Request{Prompt: strings.Repeat("hello ", 500), MaxTokens: 2})
			await(t, e, e.Unload())
		}
		runtime.GC()
		runtime.GC()
		var pages, resident int
		b, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Sscan(string(b), &pages, &resident)
		return resident * os.Getpagesize()
	}
	before := use(5)
	after := use(40)
	if grown := after - before; grown > 24<<20 {
		t.Errorf("forty loads more left %d MiB more in memory", grown>>20)
	}
}

// TestGopher asks the trained test model what the window is shown with.
func TestGopher(t *testing.T) {
	for _, file := range []string{"gopher-20m-Q8_0.gguf", "gopher-20m-Q4_K_M.gguf", "gopher-20m-Q4_0.gguf"} {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("..", "..", "shared", "models", file)
			if _, err := os.Stat(path); err != nil {
				t.Skipf("no reference data: %v", err)
			}
			e := run(t)
			load(t, e, path, inference.Placement{})
			a := ask(t, e, inference.Request{Messages: []chat.Message{says(chat.User, "What does strings.Cut do?")}})
			if a.err != nil || !strings.Contains(a.text, "Cut slices s around the first instance of sep") {
				t.Errorf("answer %q, %v", a.text, a.err)
			}
			if a.done.Reason != inference.FinishStop {
				t.Errorf("it ended with %s", a.done.Reason)
			}
		})
	}
}

// ExampleEngine is the way from a message to an answer.
func ExampleEngine() {
	dir, err := os.MkdirTemp("", "burble")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tiny.gguf")
	if err := modeltest.WriteFile(path, modeltest.Options{Type: gguf.F32}); err != nil {
		panic(err)
	}

	engine := inference.Start(context.Background(), inference.Options{})
	defer engine.Close()
	engine.Load(path, inference.Placement{Device: "cpu"})
	tokens := 0
	for event := range engine.Events() {
		switch event := event.(type) {
		case inference.Loaded:
			fmt.Println("loaded", event.Model.Name)
			engine.Generate(inference.Request{
				Messages:  []chat.Message{{Role: chat.User, Content: "Hello!"}},
				Sampling:  sample.Params{LogitBias: map[int32]float32{261: -1e9}}, // a tiny random model: keep it talking
				MaxTokens: 8,
			})
		case inference.Started:
			fmt.Println("prompt of", event.PromptTokens, "tokens")
		case inference.Token:
			tokens = event.Tokens
		case inference.Failed:
			fmt.Println(event.Err)
			return
		case inference.Done:
			fmt.Println("answer of", event.Stats.Tokens, "tokens, ended by", event.Reason, tokens > 0)
			return
		}
	}
	// Output:
	// loaded Tiny qwen3
	// prompt of 24 tokens
	// answer of 8 tokens, ended by length true
}
