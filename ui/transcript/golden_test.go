package transcript

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"burble/ui/golden"
	"burble/ui/look"
)

func matches(t *testing.T, w fyne.Window, name string) {
	t.Helper()
	golden.Match(t, w, name)
}

func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name     string
		mode     look.Mode
		width    float32
		messages []Message
	}{
		{"blocks-light", look.Light, 700, []Message{{ID: 1, Role: Assistant, Content: answer}}},
		{"blocks-dark-narrow", look.Dark, 420, []Message{{ID: 1, Role: Assistant, Content: answer}}},
		{"messages", look.Light, 700, []Message{
			{ID: 1, Role: User, Content: "What does `strings.Cut` do?\nAnd why?"},
			{ID: 2, Role: Assistant, Content: "It cuts.", Reasoning: "Hm.", Thought: 3 * time.Second, Note: "38.2 tokens/s · 120 tokens"},
			{ID: 3, Role: User, Content: "More"},
			{ID: 4, Role: Assistant, Content: "It", Status: Stopped},
			{ID: 5, Role: Assistant, Status: Failed, Error: "The context is full. Start a new chat.", Last: true},
		}},
	} {
		_, w := showMessages(t, c.mode, c.width, c.messages)
		matches(t, w, c.name)
		keep(t, w, "golden-"+c.name)
	}
}

// showMessages shows messages in a window that is as high as they are.
func showMessages(t testing.TB, mode look.Mode, width float32, messages []Message) (*View, fyne.Window) {
	v, w := show(t, mode, width, 300)
	v.SetMessages(messages)
	w.Resize(fyne.NewSize(width, v.column.total))
	return v, w
}
