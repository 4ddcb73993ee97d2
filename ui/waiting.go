package ui

import (
	"fyne.io/fyne/v2/lang"

	"burble/app"
)

// waitingText says what an answer without a first word is waiting for; empty: for nothing that takes long.
func (w *window) waitingText(m app.Message) string {
	p := m.Progress
	switch {
	case p == nil:
		return ""
	case p.Queued:
		if _, loading := w.b.Models.Loading(); loading {
			return lang.L("Waiting for the model…")
		}
		for _, c := range w.sidebar.chats {
			if c.Busy && c.ID != m.ChatID {
				return lang.L("Waiting for the answer in another chat…")
			}
		}
	case p.PromptTotal > 0 && p.PromptDone < p.PromptTotal && p.PromptTotal-p.Reused > 256:
		return lang.L("Reading the conversation, {{.Percent}} %", map[string]any{"Percent": 100 * p.PromptDone / p.PromptTotal})
	}
	return ""
}
