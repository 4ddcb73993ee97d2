package ui

import (
	"strings"

	"burble/ui/markdown"
)

// quote puts a message's text into the composer as a quotation, after what was typed so far, ready for a remark on it.
func (w *window) quote(text string) {
	typed := strings.TrimRight(w.composer.entry.Text, "\n")
	if typed != "" {
		typed += "\n\n"
	}
	e := w.composer.entry
	e.SetText(typed + markdown.Quoted(text) + "\n\n")
	e.CursorRow, e.CursorColumn = strings.Count(e.Text, "\n"), 0
	e.Refresh()
	w.focusComposer()
}
