package app

import (
	"errors"
	"sync"

	"burble/app/remote"
	"burble/inference"
)

// engines is one Engine made of two: the one that runs files on this machine, and the one that asks servers. A model of either
// takes the place of a model of the other, as a file takes that of another file. Answers on their way go on where they began.
type engines struct {
	files, servers Engine
	events         chan inference.Event
	forwarding     sync.WaitGroup
	closing        sync.Once

	mu      sync.Mutex
	serving bool                  // a server's model was loaded last
	loading inference.ID          // the latest Load, while it is on its way; 0: none
	asked   bool                  // the latest Load was for a server's model
	freeing map[inference.ID]bool // Unloads that nobody asked for: another model has taken the place
}

func newEngines(files, servers Engine) *engines {
	e := &engines{files: files, servers: servers, events: make(chan inference.Event, 64), freeing: map[inference.ID]bool{}}
	for _, from := range []Engine{files, servers} {
		e.forwarding.Go(func() {
			for ev := range from.Events() {
				if ev, ok := e.pass(ev, from == servers); ok {
					e.events <- ev
				}
			}
		})
	}
	return e
}

// Events returns the channel of both engines' events, for one consumer that reads it until it is closed.
func (e *engines) Events() <-chan inference.Event { return e.events }

// Load loads a file, or a server's model where path is a remote.Ref.
func (e *engines) Load(path string, p inference.Placement) inference.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	served := remote.IsRef(path)
	if e.loading != 0 && e.asked != served { // each engine cancels its own
		e.of(e.loading).Stop(e.loading)
	}
	if e.asked = served; served {
		e.loading = e.servers.Load(path, p)
	} else {
		e.loading = e.files.Load(path, p)
	}
	return e.loading
}

// Generate asks the model that is on its way, or else the one that is loaded.
func (e *engines) Generate(r inference.Request) inference.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loading != 0 && e.asked || e.loading == 0 && e.serving {
		return e.servers.Generate(r)
	}
	return e.files.Generate(r)
}

// Stop cancels a load or ends an answer.
func (e *engines) Stop(id inference.ID) { e.of(id).Stop(id) }

func (e *engines) of(id inference.ID) Engine {
	if remote.IsID(id) {
		return e.servers
	}
	return e.files
}

// Unload frees the loaded model.
func (e *engines) Unload() inference.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.serving {
		return e.servers.Unload()
	}
	return e.files.Unload()
}

// Close closes both engines, and the events when the consumer has got what was left of them.
func (e *engines) Close() error {
	err := errors.Join(e.files.Close(), e.servers.Close())
	e.forwarding.Wait()
	e.closing.Do(func() { close(e.events) })
	return err
}

// pass keeps track of what is loaded, and says what the consumer is told.
func (e *engines) pass(ev inference.Event, fromServers bool) (inference.Event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := ev.Request()
	switch ev := ev.(type) {
	case inference.Loaded:
		latest := id == e.loading
		if latest {
			e.loading = 0
		}
		e.serving = fromServers
		if latest { // else the other engine is loading already, and will take this one's place
			if fromServers {
				e.freeing[e.files.Unload()] = true
			} else {
				e.freeing[e.servers.Unload()] = true
			}
		}
	case inference.Unloaded:
		if e.freeing[id] {
			delete(e.freeing, id)
			return nil, false
		}
		e.serving = false
	case inference.Failed:
		if id == e.loading {
			e.loading = 0
		}
		if fromServers == e.serving {
			break
		}
		// The other engine's model is loaded, and stays.
		ev.Unloaded = false
		if errors.Is(ev.Err, inference.ErrNoModel) {
			ev.Err = errors.New("the model that this question was for could not be loaded, and another one is loaded: have the answer made again")
		}
		return ev, true
	}
	return ev, true
}

// CountTokens counts the tokens of a text by the loaded file's vocabulary. Servers keep theirs to themselves.
func (e *engines) CountTokens(text string) (n int, ok bool) {
	e.mu.Lock()
	counter, counts := e.files.(TokenCounter)
	counts = counts && !e.serving
	e.mu.Unlock()
	if !counts {
		return 0, false
	}
	return counter.CountTokens(text)
}

// Tokens takes a text apart by the loaded file's vocabulary.
func (e *engines) Tokens(text string) (list []inference.Alternative, ok bool) {
	if v := e.vocabulary(); v != nil {
		return v.Tokens(text)
	}
	return nil, false
}

// TokenText returns the text of a token of the loaded file's vocabulary.
func (e *engines) TokenText(id int32) (text string, ok bool) {
	if v := e.vocabulary(); v != nil {
		return v.TokenText(id)
	}
	return "", false
}

// vocabulary is that of the loaded file; nil where a server's model is loaded.
func (e *engines) vocabulary() Vocabulary {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, _ := e.files.(Vocabulary)
	if e.serving {
		return nil
	}
	return v
}
