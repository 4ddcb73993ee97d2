package app

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"burble/inference"
)

func TestMerge(t *testing.T) {
	broken := errors.New("broken")
	var queue []Signal
	for _, s := range []Signal{
		ChatsChanged{}, MessagesChanged{1}, MessagesChanged{2}, ChatsChanged{}, MessagesChanged{1},
		MessageStreaming{1, 2}, MessageStreaming{1, 2}, AnswerDone{1, 2},
		LoadProgress{Path: "a", Done: 1}, Notice{"x"}, LoadProgress{Path: "a", Done: 2}, ModelLoaded{Warnings: []string{"w"}},
		LoadProgress{Path: "b", Done: 1}, ModelFailed{"b", broken}, LoadProgress{Path: "b", Done: 3}, LoadProgress{Path: "b", Done: 4}, Notice{"x"},
	} {
		queue = merge(queue, s)
	}
	want := []Signal{
		ChatsChanged{}, MessagesChanged{1}, MessagesChanged{2}, MessageStreaming{1, 2}, AnswerDone{1, 2},
		LoadProgress{Path: "a", Done: 2}, Notice{"x"}, ModelLoaded{Warnings: []string{"w"}},
		LoadProgress{Path: "b", Done: 1}, ModelFailed{"b", broken}, LoadProgress{Path: "b", Done: 4}, Notice{"x"},
	}
	if !reflect.DeepEqual(queue, want) {
		t.Errorf("queue = %v\nwant    %v", queue, want)
	}
}

func TestHub(t *testing.T) {
	h := newHub()
	h.publish(Notice{"early"})
	h.publish(ChatsChanged{}) // nobody misses it
	ch, cancel := h.subscribe()
	if s := <-ch; s != (Notice{"early"}) {
		t.Errorf("first signal = %v", s)
	}
	other, _ := h.subscribe()
	h.publish(SettingsChanged{})
	if s := <-ch; s != (SettingsChanged{}) {
		t.Errorf("signal = %v", s)
	}
	cancel()
	cancel()
	if _, ok := <-ch; ok {
		t.Error("the channel of an ended subscription is open")
	}
	h.publish(ChatsChanged{}) // nobody reads other: close must not wait for it
	h.close()
	for range other {
	}
	if late, _ := h.subscribe(); late != nil {
		if _, ok := <-late; ok {
			t.Error("a closed hub gave a signal")
		}
	}
	h.publish(ChatsChanged{})
}

// TestSlowSubscriber streams a long answer while a subscriber reads nothing: the engine isn't held up, and a reader of
// signals gets no more than 30 a second.
func TestSlowSubscriber(t *testing.T) {
	a, f := start(t, t.TempDir())
	slow, cancel := a.Subscribe()
	defer cancel()
	log := record(t, a)
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.send(inference.Started{ID: id, PromptTokens: 1})
	begin := time.Now()
	var longest time.Duration
	const tokens = 2000
	for n := range tokens {
		before := time.Now()
		f.send(inference.Token{ID: id, Text: "word ", Tokens: n + 1})
		longest = max(longest, time.Since(before))
		time.Sleep(300 * time.Microsecond)
	}
	f.send(inference.Done{ID: id, Reason: inference.FinishStop})
	took := time.Since(begin)
	find(t, log, any1[AnswerDone])
	if m := messages(t, a, c.ID)[1]; len(m.Content) != 5*tokens {
		t.Errorf("%d bytes have arrived", len(m.Content))
	}
	streaming := 0
	for _, s := range log.all() {
		if _, ok := s.(MessageStreaming); ok {
			streaming++
		}
	}
	most := int(took.Seconds()*30) + 2
	t.Logf("%d tokens in %v: %d signals (at most %d); the engine waited %v at most", tokens, took.Round(time.Millisecond), streaming, most, longest)
	if streaming > most || streaming < 3 {
		t.Errorf("%d signals in %v, want at most %d", streaming, took, most)
	}
	if longest > time.Second {
		t.Errorf("the engine had to wait %v", longest)
	}
	pending := 0
	for drained := false; !drained; {
		select {
		case <-slow:
			pending++
		case <-time.After(200 * time.Millisecond):
			drained = true
		}
	}
	if pending == 0 || pending > 10 {
		t.Errorf("%d signals were waiting for the slow subscriber", pending)
	}
}

// TestSlowDisk streams while another process holds the database.
func TestSlowDisk(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	other, err := openDB(a.Paths().Chats, "rwc")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin() // immediate: it holds the database
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for n := range 500 { // more than the engine's channel holds
		f.send(inference.Token{ID: id, Text: "x", Tokens: n + 1})
		time.Sleep(2 * time.Millisecond)
	}
	f.send(inference.Done{ID: id, Reason: inference.FinishStop})
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the engine was held up: %v", d)
	}
	var kept string
	if err := tx.QueryRow("SELECT content FROM messages WHERE role = 'assistant'").Scan(&kept); err != nil || kept != "" {
		t.Errorf("the database was not held: %q, %v", kept, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if m := settled(t, a, c.ID)[1]; len(m.Content) != 500 {
		t.Errorf("%d bytes have arrived", len(m.Content))
	}
}
