package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"burble/inference"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("BURBLE_TEST_STREAM"); dir != "" {
		streamUntilKilled(dir)
		return
	}
	if dir := os.Getenv("BURBLE_TEST_WRITE"); dir != "" {
		writeChats(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// fakeEngine does what the test tells it to. It answers loads at once, and keeps requests for answers.
type fakeEngine struct {
	events chan inference.Event
	hold   bool // loads are left to the test

	mu       sync.Mutex
	last     inference.ID
	loads    []string
	places   []inference.Placement
	requests []inference.Request
	ids      []inference.ID // of requests
	stopped  []inference.ID
	closed   bool
	sending  sync.WaitGroup
}

func newFake() *fakeEngine { return &fakeEngine{events: make(chan inference.Event, 64)} }

func (f *fakeEngine) Events() <-chan inference.Event { return f.events }

func (f *fakeEngine) next() inference.ID {
	f.last++
	return f.last
}

func (f *fakeEngine) Load(path string, p inference.Placement) inference.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.next()
	f.loads, f.places = append(f.loads, path), append(f.places, p)
	if !f.hold {
		f.sending.Go(func() { f.events <- inference.Loaded{ID: id, Model: info(path)} })
	}
	return id
}

func info(path string) inference.ModelInfo {
	return inference.ModelInfo{Path: path, Name: filepath.Base(path), ContextSize: 512}
}

func (f *fakeEngine) Generate(r inference.Request) inference.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.next()
	f.requests, f.ids = append(f.requests, r), append(f.ids, id)
	return id
}

func (f *fakeEngine) Unload() inference.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.next()
	f.sending.Go(func() { f.events <- inference.Unloaded{ID: id} })
	return id
}

func (f *fakeEngine) Stop(id inference.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = append(f.stopped, id)
}

func (f *fakeEngine) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		f.sending.Wait()
		close(f.events)
	}
	return nil
}

// asked waits for the n-th request, counted from 1, and returns it.
func (f *fakeEngine) asked(t testing.TB, n int) (inference.ID, inference.Request) {
	t.Helper()
	var id inference.ID
	var r inference.Request
	eventually(t, fmt.Sprintf("request %d", n), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.ids) < n {
			return false
		}
		id, r = f.ids[n-1], f.requests[n-1]
		return true
	})
	return id, r
}

// send sends events as the engine would.
func (f *fakeEngine) send(events ...inference.Event) {
	for _, e := range events {
		f.events <- e
	}
}

// answer answers a request in full.
func (f *fakeEngine) answer(id inference.ID, text string) {
	f.send(inference.Started{ID: id, PromptTokens: 9, Reused: 4}, inference.Prefill{ID: id, Done: 9, Total: 9},
		inference.Token{ID: id, Text: text, Tokens: 1},
		inference.Done{ID: id, Reason: inference.FinishStop, Stats: inference.Stats{PromptTokens: 9, Reused: 4, Tokens: 1, Seed: 7}})
}

// folders are Options in a temporary folder.
func folders(dir string) Options {
	return Options{Home: filepath.Join(dir, "home"), DataDir: filepath.Join(dir, "data"), ConfigDir: filepath.Join(dir, "config"), CacheDir: filepath.Join(dir, "cache")}
}

// start opens an App on a fake engine with a loaded model.
func start(t testing.TB, dir string) (*App, *fakeEngine) {
	t.Helper()
	f := newFake()
	o := folders(dir)
	o.Engine = f
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	a.Models.Load(filepath.Join(dir, "fake.gguf"))
	eventually(t, "the model", func() bool { _, ok := a.Models.Current(); return ok })
	return a, f
}

// eventually waits until ok, for what happens in other goroutines.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

// newChat makes a chat.
func newChat(t testing.TB, a *App) Chat {
	t.Helper()
	chat, err := a.Chats.Create()
	if err != nil {
		t.Fatal(err)
	}
	return chat
}

// messages reads the messages of a chat.
func messages(t testing.TB, a *App, chatID int64) []Message {
	t.Helper()
	list, err := a.Chats.Messages(chatID)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// settled waits until no answer is on its way in a chat and returns its messages.
func settled(t testing.TB, a *App, chatID int64) []Message {
	t.Helper()
	eventually(t, "the end of the answer", func() bool {
		chat, err := a.Chats.Chat(chatID)
		return err == nil && !chat.Busy
	})
	return messages(t, a, chatID)
}

// signalLog keeps the signals of a subscription.
type signalLog struct {
	mu   sync.Mutex
	list []Signal
}

func record(t testing.TB, a *App) *signalLog {
	l := &signalLog{}
	ch, cancel := a.Subscribe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range ch {
			l.mu.Lock()
			l.list = append(l.list, s)
			l.mu.Unlock()
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

func (l *signalLog) all() []Signal {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// find waits for a signal of type S that satisfies ok.
func find[S Signal](t testing.TB, l *signalLog, ok func(S) bool) S {
	t.Helper()
	var found S
	eventually(t, fmt.Sprintf("signal %T", found), func() bool {
		for _, s := range l.all() {
			if s, is := s.(S); is && ok(s) {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

func any1[S Signal](S) bool { return true }
