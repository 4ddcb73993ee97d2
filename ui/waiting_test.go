package ui

import (
	"strings"
	"testing"

	"burble/app"
)

func TestWaitingText(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	queued := app.Message{ChatID: 1, Progress: &app.Progress{Queued: true}}
	if got := w.waitingText(queued); got != "" {
		t.Errorf("nothing is waited for: %q", got)
	}
	f.chats[1].Busy = true
	w.refreshChats()
	if got := w.waitingText(queued); !strings.Contains(got, "another chat") {
		t.Errorf("another chat is answered: %q", got)
	}
	queued.ChatID = f.chats[1].ID
	if got := w.waitingText(queued); got != "" {
		t.Errorf("it waits for itself: %q", got)
	}
	f.loading = &app.LoadProgress{}
	if got := w.waitingText(queued); !strings.Contains(got, "the model") {
		t.Errorf("the model is loading: %q", got)
	}
	f.loading = nil
	if got := w.waitingText(app.Message{Progress: &app.Progress{PromptDone: 500, PromptTotal: 1000}}); !strings.Contains(got, "50 %") {
		t.Errorf("the prompt is read: %q", got)
	}
}
