// Package inference runs language models: a file is loaded, a conversation goes in, and text comes out.
//
// The [Engine] is one goroutine, locked to an OS thread, that owns the devices, the model and its [Session].
// Commands go in, typed events come out. Read generate.go first: it is the way from a keystroke to a token.
package inference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"burble/inference/tokenizer"
)

// Options of an engine.
type Options struct {
	Log *slog.Logger // nil: nothing is logged
}

// Engine runs models in the background. Its methods return at once; what comes of them arrives on Events.
type Engine struct {
	events chan Event
	log    *slog.Logger
	gpus   gpuSource
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
	wake   chan struct{} // holds one signal: pending is not empty

	vocabulary atomic.Pointer[tokenizer.Tokenizer] // of the loaded model; nil: there is none

	mu      sync.Mutex
	last    ID
	load    ID // the latest Load, for the next one to cancel
	pending []command
	running map[ID]context.CancelFunc // of every request that hasn't ended
	closed  error                     // what closing the model gave
}

// command is something for the engine's goroutine to do.
type command interface{ run(*worker) }

// Start starts an engine. It ends with Close or when ctx does.
func Start(ctx context.Context, o Options) *Engine { return start(ctx, o, systemGPUs()) }

func start(ctx context.Context, o Options, gpus gpuSource) *Engine {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		events:  make(chan Event, 64),
		log:     o.Log,
		gpus:    gpus,
		done:    make(chan struct{}),
		wake:    make(chan struct{}, 1),
		running: map[ID]context.CancelFunc{},
	}
	e.ctx, e.cancel = context.WithCancel(ctx)
	go e.loop()
	return e
}

// Load loads the model at path. A Load that is still running is cancelled. It is answered by Progress events, then
// Loaded or Failed.
func (e *Engine) Load(path string, p Placement) ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel, ok := e.running[e.load]; ok {
		cancel()
	}
	e.load = e.submit(func(id ID, ctx context.Context) command { return loadCommand{id, ctx, path, p} })
	return e.load
}

// Generate asks the loaded model for an answer. It is answered by Started, Prefill and Token events, then Done or Failed.
func (e *Engine) Generate(r Request) ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.submit(func(id ID, ctx context.Context) command { return generateCommand{id, ctx, r} })
}

// Unload frees the loaded model. It is answered by Unloaded.
func (e *Engine) Unload() ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.submit(func(id ID, _ context.Context) command { return unloadCommand{id} })
}

// Stop cancels a Load or ends a Generate, whether it has begun or not. It is harmless for a request that has ended.
func (e *Engine) Stop(id ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel, ok := e.running[id]; ok {
		cancel()
	}
}

// Events returns the channel of all events, for one consumer that keeps reading it. Close closes it.
func (e *Engine) Events() <-chan Event { return e.events }

// Close cancels everything, frees the model and waits for the goroutine to end.
func (e *Engine) Close() error {
	e.cancel()
	<-e.done
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// submit queues a command with a new ID. The caller holds mu. The queue has no bound, so that a caller, such as a
// window, never waits.
func (e *Engine) submit(make func(ID, context.Context) command) ID {
	e.last++
	id := e.last
	ctx, cancel := context.WithCancel(e.ctx)
	e.running[id] = cancel
	e.pending = append(e.pending, make(id, ctx))
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return id
}

// next takes the oldest command.
func (e *Engine) next() (command, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.pending) == 0 {
		return nil, false
	}
	c := e.pending[0]
	e.pending = e.pending[1:]
	return c, true
}

// ended forgets a request, just before its last event.
func (e *Engine) ended(id ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel, ok := e.running[id]; ok {
		cancel()
		delete(e.running, id)
	}
}

// loop is the engine's goroutine. It stays on its thread for good: a GPU context belongs to a thread.
func (e *Engine) loop() {
	defer close(e.done)
	defer close(e.events)
	runtime.LockOSThread()
	w := &worker{engine: e, log: e.log}
	defer func() {
		err := w.unload()
		e.mu.Lock()
		e.closed = err
		e.mu.Unlock()
	}()
	for {
		var idle <-chan time.Time
		if w.model != nil && w.model.usesGPU() && w.model.asked.Idle > 0 {
			idle = time.After(w.model.asked.Idle)
		}
		select {
		case <-e.ctx.Done():
			return
		case <-idle:
			w.log.Info("engine: the GPU is released, having been idle", "for", w.model.asked.Idle)
			if err := w.model.release(); err != nil {
				w.log.Error("engine: releasing the GPU", "err", err)
			}
		case <-e.wake:
		}
		for e.ctx.Err() == nil {
			c, ok := e.next()
			if !ok {
				break
			}
			w.do(c)
		}
	}
}

// ErrNoModel is the error of a request that needs a model where none is loaded.
var ErrNoModel = errors.New("no model is loaded: open one first")

// worker is what the engine's goroutine owns.
type worker struct {
	engine *Engine
	log    *slog.Logger
	model  *LoadedModel // nil: none
}

// do runs a command. A panic below is a bug of ours; it fails the request, and the window lives on.
func (w *worker) do(c command) {
	defer func() {
		if r := recover(); r != nil {
			w.log.Error("engine: panic", "value", r, "stack", string(debug.Stack()))
			if f, ok := c.(interface{ request() ID }); ok {
				w.finish(f.request(), Failed{ID: f.request(), Err: fmt.Errorf("internal error: %v; please report it", r), Unloaded: w.model == nil})
			}
		}
	}()
	c.run(w)
}

// emit sends an event, waiting for the consumer unless the engine is closing.
func (w *worker) emit(ev Event) {
	select {
	case w.engine.events <- ev:
	case <-w.engine.ctx.Done():
	}
}

// finish sends the last event of a request.
func (w *worker) finish(id ID, ev Event) {
	w.engine.ended(id)
	w.emit(ev)
}

func (w *worker) unload() error {
	if w.model == nil {
		return nil
	}
	w.engine.vocabulary.Store(nil)
	err := w.model.Close()
	w.model = nil
	return err
}

type loadCommand struct {
	id    ID
	ctx   context.Context
	path  string
	place Placement
}

func (c loadCommand) request() ID { return c.id }

func (c loadCommand) run(w *worker) {
	if err := c.ctx.Err(); err != nil { // a later Load has taken its place
		w.finish(c.id, Failed{ID: c.id, Err: err})
		return
	}
	// The old model is freed only once the new file proves to be one: a wrong click costs nothing.
	l := loading{gpus: w.engine.gpus, release: w.unload, log: w.log, progress: func(p Progress) {
		p.ID = c.id
		w.emit(p)
	}}
	m, err := l.open(c.ctx, c.path, c.place)
	if err != nil {
		w.finish(c.id, Failed{ID: c.id, Err: fmt.Errorf("loading %s: %w", c.path, err), Unloaded: w.model == nil})
		return
	}
	w.model = m
	w.engine.vocabulary.Store(m.tokenizer)
	w.finish(c.id, Loaded{ID: c.id, Model: m.Info(), Took: m.took, Warnings: m.warnings})
}

type unloadCommand struct{ id ID }

func (c unloadCommand) request() ID { return c.id }

func (c unloadCommand) run(w *worker) {
	if err := w.unload(); err != nil {
		w.log.Error("engine: unloading", "err", err)
	}
	w.finish(c.id, Unloaded{c.id})
}
