package remote

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"burble/app/network"
	"burble/app/remote/remotetest"
	"burble/inference"
	"burble/inference/chat"
)

// start starts an engine that knows servers by their ID.
func start(t testing.TB, servers map[string]*remotetest.Server) *Engine {
	n := network.New(false)
	e := Start(t.Context(), Options{Client: n.Client(), Resolve: func(ref string) (Server, string, string, error) {
		id, model, _ := ParseRef(ref)
		s, ok := servers[id]
		if !ok {
			return Server{}, "", "", errors.New("no such server")
		}
		return Server{ID: id, Name: "server " + id, URL: s.URL}, model, s.Key, nil
	}})
	t.Cleanup(func() { e.Close(); n.Close() })
	return e
}

// until returns the events of a request, to its last one.
func until(t testing.TB, e *Engine, id inference.ID) (all []inference.Event) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case ev := <-e.Events():
			if ev.Request() != id {
				continue
			}
			all = append(all, ev)
			switch ev.(type) {
			case inference.Loaded, inference.Failed, inference.Done, inference.Unloaded:
				return all
			}
		case <-timeout:
			t.Fatalf("no end of %x: %v", id, all)
		}
	}
}

func last(all []inference.Event) inference.Event { return all[len(all)-1] }

var question = inference.Request{Messages: []chat.Message{{Role: chat.User, Content: "Hi"}}}

func TestEngine(t *testing.T) {
	a, b := remotetest.New(t, remotetest.LlamaServer), remotetest.New(t, remotetest.Ollama)
	a.Key = "sk-1"
	e := start(t, map[string]*remotetest.Server{"a": a, "b": b})

	if ev := last(until(t, e, e.Generate(question))).(inference.Failed); !errors.Is(ev.Err, inference.ErrNoModel) || !ev.Unloaded {
		t.Errorf("%+v", ev)
	}
	load := e.Load(Ref("a", "qwen3-32b"), inference.Placement{})
	early := e.Generate(question) // waits for the load
	if !IsID(load) || IsID(1) {
		t.Errorf("ID %x", load)
	}
	loaded := last(until(t, e, load)).(inference.Loaded)
	if m := loaded.Model; m.Server != "server a" || m.Title() != "qwen3-32b on server a" || m.ContextSize != 16384 || m.Quantisation != "Q4_K_M" ||
		m.Parameters != 32762123264 || m.Path != Ref("a", "qwen3-32b") || m.NoContinue != "" {
		t.Errorf("%+v", m)
	}
	events := until(t, e, early)
	text := ""
	for _, ev := range events {
		switch ev := ev.(type) {
		case inference.Token:
			text += ev.Text
		case inference.Started:
			if ev.Model != "qwen3-32b on server a" {
				t.Errorf("%+v", ev)
			}
		case inference.Prefill:
			if ev.Total != 20 {
				t.Errorf("%+v", ev)
			}
		}
	}
	if done := last(events).(inference.Done); text != "Hello, wörld!" || done.Reason != inference.FinishStop || done.Stats.Tokens != 4 {
		t.Errorf("%q, %+v", text, done)
	}
	if _, ok := events[0].(inference.Started); !ok {
		t.Errorf("it begins with %T", events[0])
	}

	// A load that fails leaves the model before; one that is overtaken ends as cancelled.
	for ref, want := range map[string]string{Ref("c", "x"): "no such server", Ref("b", "gone"): `has no model "gone"`} {
		if ev := last(until(t, e, e.Load(ref, inference.Placement{}))).(inference.Failed); !strings.Contains(ev.Err.Error(), want) || ev.Unloaded {
			t.Errorf("%s: %+v", ref, ev)
		}
	}
	if _, ok := last(until(t, e, e.Generate(question))).(inference.Done); !ok {
		t.Error("the model before is not there any more")
	}
	first, second := e.Load(Ref("a", ""), inference.Placement{}), e.Load(Ref("b", ""), inference.Placement{})
	if ev, ok := last(until(t, e, first)).(inference.Failed); ok && !errors.Is(ev.Err, context.Canceled) {
		t.Errorf("%+v", ev)
	}
	if ev := last(until(t, e, second)).(inference.Loaded); ev.Model.NoContinue == "" || ev.Model.ContextTrain != 40960 {
		t.Errorf("%+v", ev)
	}

	until(t, e, e.Unload())
	if ev := last(until(t, e, e.Generate(question))).(inference.Failed); !errors.Is(ev.Err, inference.ErrNoModel) {
		t.Errorf("%+v", ev)
	}
}

// TestEngineBeside wants answers to run beside each other, and each to be stopped by itself.
func TestEngineBeside(t *testing.T) {
	s := remotetest.New(t, remotetest.VLLM)
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("half"); st.Wait() })
	e := start(t, map[string]*remotetest.Server{"a": s})
	until(t, e, e.Load(Ref("a", ""), inference.Placement{}))
	one, two := e.Generate(question), e.Generate(question)
	s.Asked(t, 2)
	e.Stop(two)
	if ev := last(until(t, e, two)).(inference.Done); ev.Reason != inference.FinishStopped {
		t.Errorf("%+v", ev)
	}
	if _, gone := s.Questions(); gone > 1 {
		t.Error("the other answer was stopped too")
	}
	e.Stop(one)
	e.Stop(one)
	if ev := last(until(t, e, one)).(inference.Done); ev.Reason != inference.FinishStopped {
		t.Errorf("%+v", ev)
	}
}

// TestEngineLoading wants a load to wait for a server that is loading its model, and to be cancelled meanwhile.
func TestEngineLoading(t *testing.T) {
	s := remotetest.New(t, remotetest.LlamaServer)
	s.Loading.Store(true)
	e := start(t, map[string]*remotetest.Server{"a": s})
	id := e.Load(Ref("a", ""), inference.Placement{})
	for ev := range e.Events() {
		if p, ok := ev.(inference.Progress); ok && p.Stage == StageServer {
			break
		}
	}
	e.Stop(id)
	if ev := last(until(t, e, id)).(inference.Failed); !errors.Is(ev.Err, context.Canceled) {
		t.Errorf("%+v", ev)
	}
	id = e.Load(Ref("a", ""), inference.Placement{})
	for ev := range e.Events() {
		if p, ok := ev.(inference.Progress); ok && p.Stage == StageServer {
			break
		}
	}
	s.Loading.Store(false)
	if _, ok := last(until(t, e, id)).(inference.Loaded); !ok {
		t.Error("it was not loaded")
	}
}

// TestEngineClose wants Close to end what is on its way, without telling that the user stopped it.
func TestEngineClose(t *testing.T) {
	s := remotetest.New(t, remotetest.VLLM)
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("half"); st.Wait() })
	e := start(t, map[string]*remotetest.Server{"a": s})
	until(t, e, e.Load(Ref("a", ""), inference.Placement{}))
	e.Generate(question)
	s.Asked(t, 1)
	e.Close()
	for ev := range e.Events() {
		if done, ok := ev.(inference.Done); ok {
			t.Errorf("%+v", done)
		}
	}
	e.Generate(question)
	e.Load(Ref("a", ""), inference.Placement{})
	e.Close()
}
