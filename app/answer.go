package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"burble/app/remote"
	"burble/inference"
)

// answer is one on its way. Chats.mu guards it.
//
// The goroutine that reads the engine's events adds to it, and another writes it to disk, so that the engine never waits
// for a disk. It leaves Chats.live when its last state is written.
type answer struct {
	chatID    int64
	request   inference.ID // 0: not asked for yet
	message   Message      // without Content and Reasoning
	content   strings.Builder
	reasoning strings.Builder
	progress  Progress
	first     time.Time // of the first token
	thinking  time.Time // of the first reasoning
	stopped   bool      // the user has stopped it
	dirty     bool      // there is something to write
	ended     bool      // nothing more will come
	receipt   *Receipt  // what it was made of; nil: not known
}

// flushEvery is how often a growing answer is written to disk: what has been shown for longer is never lost.
const flushEvery = 300 * time.Millisecond

// retryEvery is the pause after a write that failed.
const retryEvery = time.Second

// current returns the message as it is by now.
func (a *answer) current() Message {
	m := a.message
	m.Content, m.Reasoning = a.content.String(), a.reasoning.String()
	if !a.ended {
		p := a.progress
		m.Progress = &p
		if !a.thinking.IsZero() && a.content.Len() == 0 {
			m.Thought = time.Since(a.thinking)
		}
	}
	return m
}

// end sets the last state.
func (a *answer) end(status Status) {
	a.message.Status = status
	a.dirty, a.ended = true, true
}

// reserve takes the chat for a new answer.
func (c *Chats) reserve(chatID int64) (*answer, error) {
	c.titles.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live[chatID] != nil {
		return nil, ErrBusy
	}
	a := &answer{chatID: chatID, progress: Progress{Queued: true}}
	c.live[chatID] = a
	return a, nil
}

// release gives the chat back when the answer came to nothing.
func (c *Chats) release(a *answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, a.chatID)
}

// start asks the engine for the answer m.
func (c *Chats) start(a *answer, m Message, r inference.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.message = m
	a.content.WriteString(m.Content)
	a.reasoning.WriteString(m.Reasoning)
	a.request = c.engine.Generate(r)
	c.byID[a.request] = a
	if a.stopped { // in the meantime
		c.engine.Stop(a.request)
	}
}

// handle takes an event of the engine. soon publishes a signal when its turn comes.
func (c *Chats) handle(ev inference.Event, soon func(Signal)) {
	current, _ := c.models.Current()
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.byID[ev.Request()]
	if a == nil {
		return
	}
	switch ev := ev.(type) {
	case inference.Started:
		a.progress.Queued = false
		a.progress.PromptTotal, a.progress.PromptDone, a.progress.Reused = ev.PromptTokens, ev.Reused, ev.Reused
		a.message.Model = cmp.Or(ev.Model, current.Title())
		a.warn(ev)
		a.dirty = true
	case inference.Prefill:
		a.progress.PromptDone, a.progress.PromptTotal = ev.Done, ev.Total
	case inference.Token:
		a.grow(ev, time.Now())
	case inference.Moved:
		a.message.Warning = strings.TrimSpace(a.message.Warning + " The GPU failed in the middle of this answer; the CPU went on with it.")
		a.dirty = true
	case inference.Done:
		stats := ev.Stats
		a.message.Stats, a.message.Finish = &stats, ev.Reason
		a.receipt = c.receipt(current, ev)
		if ev.Reason == inference.FinishStopped {
			a.end(StatusStopped)
		} else {
			a.end(StatusComplete)
		}
	case inference.Failed:
		switch {
		case errors.Is(ev.Err, context.Canceled):
			a.end(StatusStopped)
		case errors.Is(ev.Err, remote.ErrCut): // what has come is good, and can be gone on with
			a.message.Error = ev.Err.Error()
			a.end(StatusInterrupted)
		default:
			a.message.Error = ev.Err.Error()
			a.end(StatusFailed)
		}
	default:
		return
	}
	if a.dirty {
		c.poke()
	}
	if a.ended {
		delete(c.byID, a.request)
	} else {
		soon(MessageStreaming{a.chatID, a.message.ID})
	}
}

// warn keeps what the user should know about the prompt.
func (a *answer) warn(ev inference.Started) {
	var sentences []string
	switch {
	case ev.Dropped == 1:
		sentences = append(sentences, "A message was left out to make the conversation fit the context.")
	case ev.Dropped > 1:
		sentences = append(sentences, fmt.Sprintf("%d messages were left out to make the conversation fit the context.", ev.Dropped))
	}
	if ev.Warning != "" {
		sentences = append(sentences, ev.Warning)
	}
	a.message.Warning = strings.Join(sentences, " ")
}

// grow adds a piece of the answer.
func (a *answer) grow(ev inference.Token, now time.Time) {
	a.dirty = true
	if ev.Reasoning != "" && a.thinking.IsZero() {
		a.thinking = now
	}
	if !a.thinking.IsZero() && a.content.Len() == 0 {
		a.message.Thought = now.Sub(a.thinking)
	}
	a.content.WriteString(ev.Text)
	a.reasoning.WriteString(ev.Reasoning)
	a.progress.Tokens = ev.Tokens
	if a.first.IsZero() {
		a.first = now
	}
	if d := now.Sub(a.first); d > 0 && ev.Tokens > 1 {
		a.progress.Rate = float64(ev.Tokens-1) / d.Seconds()
	}
}

// interruptAll ends what is on its way because Burble is closing.
func (c *Chats) interruptAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for chatID, a := range c.live {
		switch {
		case a.message.ID == 0: // never came to be
			delete(c.live, chatID)
		case !a.ended:
			a.end(StatusInterrupted)
		}
	}
}

// later has the writing goroutine do something.
func (c *Chats) later(task func() error) {
	c.mu.Lock()
	c.tasks = append(c.tasks, task)
	c.mu.Unlock()
	c.poke()
}

// poke wakes the writing goroutine.
func (c *Chats) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// writeLoop writes answers to disk as they grow and end, until closing is closed; then it writes what is left, and
// returns what could not be written.
func (c *Chats) writeLoop(closing <-chan struct{}) error {
	pause := time.NewTimer(0)
	<-pause.C
	failing := false
	for {
		select {
		case <-closing:
			return c.flush()
		case <-c.wake:
		}
		pause.Reset(flushEvery)
		for waiting := true; waiting && !c.urgent(); {
			select {
			case <-closing:
				return c.flush()
			case <-c.wake:
			case <-pause.C:
				waiting = false
			}
		}
		err := c.flush()
		if err != nil && !failing {
			c.signals.publish(Notice{fmt.Sprintf("Burble can't write your chats to disk, and will keep trying: %v.", err)})
		}
		if err == nil && failing {
			c.signals.publish(Notice{"Your chats can be written to disk again. Nothing has been lost."})
		}
		if failing = err != nil; failing {
			pause.Reset(retryEvery)
			select {
			case <-closing:
				return c.flush()
			case <-pause.C:
			}
			c.poke()
		}
	}
}

// urgent reports whether something should be written at once.
func (c *Chats) urgent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.live {
		if a.ended {
			return true
		}
	}
	return len(c.tasks) > 0
}

// flush writes everything there is to write. What fails is kept for the next time.
func (c *Chats) flush() error {
	type state struct {
		answer  *answer
		message Message
		receipt *Receipt
	}
	var todo []state
	c.mu.Lock()
	tasks := c.tasks
	c.tasks = nil
	for _, a := range c.live {
		if a.dirty {
			todo = append(todo, state{a, a.current(), a.receipt})
			a.dirty = false
		}
	}
	c.mu.Unlock()

	var failed error
	for _, s := range todo {
		ended := s.message.Progress == nil
		err := c.store.save(c.ctx, s.message)
		if ended && err == nil && s.receipt != nil {
			err = c.store.keepReceipt(c.ctx, s.message.ID, s.receipt)
		}
		c.mu.Lock()
		switch {
		case err != nil:
			s.answer.dirty = true
			failed = err
		case ended:
			delete(c.live, s.answer.chatID)
		}
		c.mu.Unlock()
		if ended && err == nil {
			if c.temporary == nil {
				c.titles.answered(0) // the title of a temporary chat is of no use
			} else {
				c.titles.answered(s.message.ChatID)
			}
			c.signals.publish(MessagesChanged{s.message.ChatID})
			c.signals.publish(AnswerDone{s.message.ChatID, s.message.ID})
			c.signals.publish(ChatsChanged{})
		}
	}
	for _, task := range tasks {
		if err := task(); err != nil {
			failed = err
		}
	}
	return failed
}
