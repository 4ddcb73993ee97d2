package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"burble/inference"
)

// firstID begins the IDs of requests to servers, so that they never are those of an inference.Engine, which count from 1.
const firstID = inference.ID(1) << 63

// IsID reports whether a request is one of an Engine of this package.
func IsID(id inference.ID) bool { return id >= firstID }

// StageConnect is the stage of a load that asks a server what it has.
const StageConnect inference.Stage = "asking the server"

// StageServer is the stage of a load that waits for a server to load its own model.
const StageServer inference.Stage = "waiting for the server to load its model"

// Options of an Engine.
type Options struct {
	// Client makes the connections.
	Client *http.Client
	// Resolve says which server and model a Ref means, with the server's key or "". It is called beside everything else, and may
	// take its time. Its errors are for the user.
	Resolve func(ref string) (s Server, model, key string, err error)
}

// Engine is to servers' models what inference.Engine is to files, with the same commands and events. To load a model means to
// find out that the server has it. Answers for different requests run beside each other.
type Engine struct {
	options Options
	events  chan inference.Event
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	last     inference.ID
	loading  inference.ID // the latest Load, for the next one to cancel
	target   *target      // of the latest Load that has not failed, on its way or loaded; nil: none
	loaded   *target      // the latest that is loaded; nil: none
	requests map[inference.ID]context.CancelFunc
}

// target is a server's model, on its way or loaded.
type target struct {
	ready  chan struct{} // closed when the load has ended; what follows is there then
	err    error
	client *Client
	cat    Catalog
	model  Model
	info   inference.ModelInfo
}

// Start starts an engine. It ends with Close or when ctx does.
func Start(ctx context.Context, o Options) *Engine {
	e := &Engine{options: o, events: make(chan inference.Event, 64), last: firstID, requests: map[inference.ID]context.CancelFunc{}}
	e.ctx, e.cancel = context.WithCancel(ctx)
	return e
}

// Events returns the channel of all events, for one consumer that keeps reading it. Close closes it.
func (e *Engine) Events() <-chan inference.Event { return e.events }

// Load makes the model that ref names the one to ask. A Load that is still running is cancelled. It is answered by Progress
// events, then Loaded or Failed. The placement has no meaning here.
func (e *Engine) Load(ref string, _ inference.Placement) inference.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel, ok := e.requests[e.loading]; ok {
		cancel()
	}
	t := &target{ready: make(chan struct{})}
	e.target = t
	id := e.begin(func(ctx context.Context, id inference.ID) inference.Event {
		err := e.load(ctx, id, ref, t)
		e.mu.Lock()
		defer e.mu.Unlock()
		if err == nil && e.target != t { // another Load has taken its place
			err = context.Canceled
		}
		if t.err = err; err == nil {
			e.loaded = t
			return inference.Loaded{ID: id, Model: t.info, Warnings: t.cat.Warnings}
		}
		if e.target == t { // the model before stays
			e.target = e.loaded
		}
		return inference.Failed{ID: id, Err: err, Unloaded: e.loaded == nil}
	}, func() { close(t.ready) })
	e.loading = id
	return id
}

// Generate asks the model that was loaded last for an answer; where it is on its way, it waits. It is answered by Started, once
// more where there is something to say about the prompt, Prefill and Token events, then Done or Failed.
func (e *Engine) Generate(r inference.Request) inference.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.target
	return e.begin(func(ctx context.Context, id inference.ID) inference.Event {
		if t == nil {
			return inference.Failed{ID: id, Err: inference.ErrNoModel, Unloaded: true}
		}
		select {
		case <-t.ready:
		case <-ctx.Done():
			return inference.Failed{ID: id, Err: context.Canceled}
		}
		if t.err != nil {
			return inference.Failed{ID: id, Err: t.err}
		}
		return e.generate(ctx, id, t, r)
	}, func() {})
}

// Unload forgets the model. It is answered by Unloaded.
func (e *Engine) Unload() inference.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel, ok := e.requests[e.loading]; ok {
		cancel()
	}
	e.target, e.loaded = nil, nil
	return e.begin(func(_ context.Context, id inference.ID) inference.Event { return inference.Unloaded{ID: id} }, func() {})
}

// Stop cancels a Load or ends a Generate, and its connection with it. It is harmless for a request that has ended.
func (e *Engine) Stop(id inference.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel, ok := e.requests[id]; ok {
		cancel()
	}
}

// Close cancels everything and waits for it to end.
func (e *Engine) Close() error {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	e.running.Wait()
	if first {
		close(e.events)
	}
	return nil
}

// begin starts a request in a goroutine of its own, which ends with the event that run returns, and calls then. The caller holds
// mu.
func (e *Engine) begin(run func(context.Context, inference.ID) inference.Event, then func()) inference.ID {
	e.last++
	id := e.last
	if e.closed {
		then()
		return id
	}
	ctx, cancel := context.WithCancel(e.ctx)
	e.requests[id] = cancel
	e.running.Go(func() {
		defer then()
		ev := run(ctx, id)
		e.mu.Lock()
		cancel()
		delete(e.requests, id)
		e.mu.Unlock()
		e.emit(ev)
	})
	return id
}

// emit sends an event, waiting for the consumer unless the engine is closing: what is on its way then is interrupted, and has
// no end.
func (e *Engine) emit(ev inference.Event) {
	if e.ctx.Err() != nil {
		return
	}
	select {
	case e.events <- ev:
	case <-e.ctx.Done():
	}
}

// How long a load waits for a server that is loading its model, and how often it asks.
const (
	serverLoads = 10 * time.Minute
	askAgain    = time.Second
)

// load finds out what ref means, and that the server has it.
func (e *Engine) load(ctx context.Context, id inference.ID, ref string, t *target) error {
	e.emit(inference.Progress{ID: id, Stage: StageConnect})
	s, model, key, err := e.options.Resolve(ref)
	if err != nil {
		return err
	}
	if t.client, err = NewClient(e.options.Client, s, key); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	for deadline := time.Now().Add(serverLoads); ; {
		t.cat, err = t.client.Catalog(ctx)
		var status *StatusError
		if !errors.As(err, &status) || !status.loading() || time.Now().After(deadline) {
			break
		}
		e.emit(inference.Progress{ID: id, Stage: StageServer})
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return context.Canceled
		}
	}
	if ctx.Err() != nil {
		return context.Canceled
	}
	if err != nil {
		return err
	}
	if t.model, err = t.cat.pick(t.client.name, model); err != nil {
		return err
	}
	t.model = t.client.Describe(ctx, t.cat, t.model)
	if ctx.Err() != nil {
		return context.Canceled
	}
	t.info = inference.ModelInfo{
		Path: ref, Name: t.model.Name(), Architecture: t.model.Architecture, Quantisation: t.model.Quantisation,
		Parameters: t.model.Parameters, FileBytes: t.model.Bytes, ContextTrain: t.model.ContextTrain, ContextSize: t.model.Context,
		ThinkingSwitch: t.cat.Kind.thinks(), ThinkingEffort: true,
		Server: t.client.name, NoContinue: t.cat.Kind.NoContinue(),
	}
	return nil
}

// pick returns the model of that name; without a name, the only one. A list without any says nothing about what there is.
func (c Catalog) pick(server, model string) (Model, error) {
	if model == "" && len(c.Models) == 1 {
		return c.Models[0], nil
	}
	if m, ok := c.Find(model); ok {
		return m, nil
	}
	if len(c.Models) == 0 && model != "" {
		return Model{ID: model}, nil
	}
	names := make([]string, 0, 8)
	for _, m := range c.Models[:min(len(c.Models), 8)] {
		names = append(names, m.ID)
	}
	list := strings.Join(names, ", ")
	switch {
	case len(c.Models) == 0:
		return Model{}, fmt.Errorf("%s lists no models: %w; name one", server, ErrNoModel)
	case len(c.Models) > len(names):
		list += fmt.Sprintf(" and %d more", len(c.Models)-len(names))
	}
	if model == "" {
		return Model{}, fmt.Errorf("%s has several models: name one of %s", server, list)
	}
	return Model{}, fmt.Errorf("%s has no model %q any more (%w): it has %s", server, model, ErrNoModel, list)
}

// generate asks for an answer.
func (e *Engine) generate(ctx context.Context, id inference.ID, t *target, r inference.Request) inference.Event {
	name := t.info.Title()
	e.emit(inference.Started{ID: id, Model: name})
	reason, stats, err := t.client.Answer(ctx, t.cat, t.model, r, func(p Piece) {
		switch {
		case p.PromptTotal > 0:
			e.emit(inference.Prefill{ID: id, Done: p.PromptDone, Total: p.PromptTotal})
		case p.Text == "" && p.Reasoning == "":
			e.emit(inference.Started{ID: id, Model: name, Dropped: p.Dropped, Warning: p.Warning})
		default:
			e.emit(inference.Token{ID: id, Text: p.Text, Reasoning: p.Reasoning, Tokens: p.Tokens})
		}
	})
	switch {
	case ctx.Err() != nil:
		return inference.Done{ID: id, Reason: inference.FinishStopped, Stats: stats}
	case err != nil:
		return inference.Failed{ID: id, Err: err}
	}
	return inference.Done{ID: id, Reason: reason, Stats: stats}
}
