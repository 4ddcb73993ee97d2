package app

import (
	"slices"
	"sync"
	"time"

	"burble/inference"
)

// Signal says that something has changed. It is one of the types below.
type Signal interface{ signal() }

type (
	// ChatsChanged says that the list of chats is not what it was: read Chats.List.
	ChatsChanged struct{}
	// MessagesChanged says that messages of a chat came, went or ended: read Chats.Messages.
	MessagesChanged struct{ ChatID int64 }
	// MessageStreaming says that an answer has grown or its progress has changed: read Chats.Message. It comes at
	// most 30 times a second.
	MessageStreaming struct{ ChatID, MessageID int64 }
	// AnswerDone says that an answer has ended, well or badly: its Status tells.
	AnswerDone struct{ ChatID, MessageID int64 }
	// ModelsChanged says that the list of model files is not what it was: read Models.List.
	ModelsChanged struct{}
	// LoadProgress reports a model on its way, at most 30 times a second.
	LoadProgress struct {
		Path        string
		Stage       inference.Stage
		Done, Total int64 // bytes, where the stage counts bytes; else steps; Total 0: unknown
	}
	// ModelLoaded says that a model is ready. Warnings are sentences for the user.
	ModelLoaded struct {
		Info     inference.ModelInfo
		Warnings []string
	}
	// ModelMoved says that the GPU has failed and the model runs on the CPU now.
	ModelMoved struct {
		Info   inference.ModelInfo
		Reason error
	}
	// ModelFailed says that a model could not be loaded. A load that the user cancelled has Err wrapping
	// context.Canceled.
	ModelFailed struct {
		Path string
		Err  error
	}
	// ModelUnloaded says that no model is loaded any more.
	ModelUnloaded struct{}
	// Replayed says what came of Chats.Replay.
	Replayed struct{ Replay Replay }
	// Scored brings what Chats.Tokens was asked for.
	Scored struct{ View TokenView }
	// SettingsChanged says that settings are not what they were: read Settings.Get.
	SettingsChanged struct{}
	// PresetsChanged says that a preset came, went or changed: read Presets.List.
	PresetsChanged struct{}
	// Notice is a sentence for the user that belongs to nothing on the screen.
	Notice struct{ Text string }
)

func (ChatsChanged) signal()     {}
func (MessagesChanged) signal()  {}
func (MessageStreaming) signal() {}
func (AnswerDone) signal()       {}
func (ModelsChanged) signal()    {}
func (LoadProgress) signal()     {}
func (ModelLoaded) signal()      {}
func (ModelMoved) signal()       {}
func (ModelFailed) signal()      {}
func (ModelUnloaded) signal()    {}
func (Replayed) signal()         {}
func (Scored) signal()           {}
func (SettingsChanged) signal()  {}
func (PresetsChanged) signal()   {}
func (Notice) signal()           {}

// hub hands signals to subscribers.
type hub struct {
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
	early       []Signal // notices from before the first subscriber
	heard       bool     // there has been a subscriber
	closed      bool
	running     sync.WaitGroup
}

// subscriber has a queue of its own, in which signals of the same meaning are one: a slow subscriber holds up nobody,
// and its queue stays short.
type subscriber struct {
	out  chan Signal
	wake chan struct{} // holds one signal: queue is not empty
	quit chan struct{} // closed to end the subscription

	mu    sync.Mutex
	queue []Signal
}

func newHub() *hub { return &hub{subscribers: map[*subscriber]struct{}{}} }

// subscribe returns a channel of all signals from now on. It is closed by cancel, or when the hub closes.
func (h *hub) subscribe() (<-chan Signal, func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &subscriber{out: make(chan Signal), wake: make(chan struct{}, 1), quit: make(chan struct{})}
	if h.closed {
		close(s.out)
		return s.out, func() {}
	}
	h.subscribers[s] = struct{}{}
	h.running.Go(s.deliver)
	for _, n := range h.early {
		s.add(n)
	}
	h.early, h.heard = nil, true
	return s.out, func() { h.remove(s) }
}

func (h *hub) remove(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.subscribers[s]; ok {
		delete(h.subscribers, s)
		close(s.quit)
	}
}

// publish hands sig to every subscriber, without waiting.
func (h *hub) publish(sig Signal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := sig.(Notice); ok && !h.heard {
		h.early = append(h.early, sig)
	}
	for s := range h.subscribers {
		s.add(sig)
	}
}

// close ends all subscriptions and waits for their goroutines.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for s := range h.subscribers {
		delete(h.subscribers, s)
		close(s.quit)
	}
	h.mu.Unlock()
	h.running.Wait()
}

func (s *subscriber) add(sig Signal) {
	s.mu.Lock()
	s.queue = merge(s.queue, sig)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// merge adds sig to a queue. A signal that only says "read again" is not added where it is waiting already, and a load's
// progress replaces what was waiting of it.
func merge(queue []Signal, sig Signal) []Signal {
	switch sig := sig.(type) {
	case ModelLoaded, ModelMoved, ModelFailed, ModelUnloaded, Notice, AnswerDone, DownloadEnded, Replayed, Scored:
		return append(queue, sig)
	case LoadProgress:
		for i := len(queue) - 1; i >= 0; i-- {
			switch queue[i].(type) {
			case LoadProgress:
				queue[i] = sig
				return queue
			case ModelLoaded, ModelMoved, ModelFailed, ModelUnloaded: // of an earlier load
				return append(queue, sig)
			}
		}
		return append(queue, sig)
	}
	for _, q := range queue {
		switch q.(type) {
		case ModelLoaded, ModelMoved, ModelFailed: // hold what can't be compared
			continue
		}
		if q == sig {
			return queue
		}
	}
	return append(queue, sig)
}

// deliver moves signals from the queue to the channel.
func (s *subscriber) deliver() {
	defer close(s.out)
	for {
		select {
		case <-s.quit:
			return
		case <-s.wake:
		}
		for {
			s.mu.Lock()
			if len(s.queue) == 0 {
				s.mu.Unlock()
				break
			}
			sig := s.queue[0]
			s.queue = s.queue[1:]
			s.mu.Unlock()
			select {
			case s.out <- sig:
			case <-s.quit:
				return
			}
		}
	}
}

// pace is the least time between two signals of the same thing growing.
const pace = time.Second / 30

// pacer holds signals of growing things back until their time has come. It belongs to one goroutine, which calls release
// when timer fires.
type pacer struct {
	signals *hub
	timer   *time.Timer
	armed   bool
	last    time.Time
	waiting []Signal
}

func newPacer(h *hub) *pacer {
	p := &pacer{signals: h, timer: time.NewTimer(0)}
	<-p.timer.C
	return p
}

// soon publishes sig when its time has come.
func (p *pacer) soon(sig Signal) {
	p.waiting = merge(p.waiting, sig)
	if !p.armed {
		p.armed = true
		p.timer.Reset(max(0, pace-time.Since(p.last)))
	}
}

// release publishes what was waiting.
func (p *pacer) release() {
	p.armed, p.last = false, time.Now()
	for _, sig := range p.waiting {
		p.signals.publish(sig)
	}
	p.waiting = p.waiting[:0]
}

// drop forgets what was waiting of a load, because it has ended.
func (p *pacer) drop() {
	p.waiting = slices.DeleteFunc(p.waiting, func(s Signal) bool { _, ok := s.(LoadProgress); return ok })
}
